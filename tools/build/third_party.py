"""Third-party imports, and the wheels of third_party/python that they come from."""

from __future__ import annotations

import re
import sys
from pathlib import Path

# Import names that are not their distribution's name.
DISTRIBUTIONS = {
    "opentelemetry": "opentelemetry-exporter-otlp-proto-http",  # needs the API and the SDK
    "pythonjsonlogger": "python-json-logger",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
    "agents": "openai-agents",
    "langchain_core": "langchain-openai",
    "llama_index": "llama-index-llms-openai-like",
    "pydantic_ai": "pydantic-ai-slim",
}

# What a distribution loads at run time without declaring that it needs it.
COMPANIONS = {
    "pydantic_ai_slim": ("openai", "tiktoken"),  # its extra
    "torch": ("numpy",),  # warns on import, and converts no arrays, without
    "transformers": ("jinja2",),  # chat templates
    "uvicorn": ("httptools", "uvloop"),  # chosen by name in its options
}

# What `max` imports only where it is installed: with torch's CUDA build, or by users.
OPTIONAL = frozenset({"triton", "xgrammar"})

# (folder, its requirement files and the repositories that hold their wheels); the first that fits.
_SETS: tuple[tuple[str, dict[str, str]], ...] = (
    ("max/tests/browser/", {"requirements_browser": "pip_browser"}),
    ("max/tests/clients/llama_index/", {"requirements_llama_index": "pip_llama_index"}),
    ("max/tests/clients/", {"requirements_clients": "pip_clients"}),
    ("max/python/", {"requirements": "pip"}),
    ("", {"requirements": "pip", "requirements_dev": "pip_dev"}),
)

REQUIREMENTS = sorted({file for _, files in _SETS for file in files})


class Wheels:
    """The distributions that the files of a tree may import."""

    def __init__(self, root: Path) -> None:
        self._root = root
        paths = {file: root / "third_party/python" / f"{file}.in" for file in REQUIREMENTS}
        self._names = {
            file: direct_requirements(path) if path.exists() else frozenset()
            for file, path in paths.items()
        }

    def _files(self, path: Path) -> dict[str, str]:
        place = path.relative_to(self._root).as_posix()
        return next(files for folder, files in _SETS if place.startswith(folder))

    def labels(self, path: Path, distribution: str) -> set[str]:
        """Returns the targets that a file's import of a distribution needs."""
        for file, repository in self._files(path).items():
            if distribution in self._names[file]:
                names = {distribution, *COMPANIONS.get(distribution, ())}
                return {f"@{repository}//:{name}" for name in names}
        return set()

    def refusal(self, path: Path, distribution: str) -> str | None:
        """Returns where a distribution is missing that a file imports."""
        files = self._files(path)
        optional = distribution in OPTIONAL and "requirements_dev" not in files
        if optional or any(distribution in self._names[file] for file in files):
            return None
        return " or ".join(f"third_party/python/{file}.in" for file in files)


def normalise(name: str) -> str:
    """Returns a distribution's name as the target name that its repository gives it."""
    return re.sub(r"[-_.]+", "_", name).lower()


def direct_requirements(requirements: Path) -> frozenset[str]:
    """Returns the normalised names in a requirements file: only these may be imported."""
    pattern = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)", re.MULTILINE)
    return frozenset(normalise(name) for name in pattern.findall(requirements.read_text()))


def distribution_of(top_level: str) -> str | None:
    """Returns the normalised distribution of a top-level import, None for the standard library."""
    if top_level in sys.stdlib_module_names:
        return None
    return normalise(DISTRIBUTIONS.get(top_level, top_level))
