"""Third-party imports and the distributions of requirements.in that they come from."""

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
}

# What a distribution loads at run time without declaring that it needs it.
COMPANIONS = {
    "torch": ("numpy",),  # warns on import, and converts no arrays, without
    "transformers": ("jinja2",),  # chat templates
    "uvicorn": ("httptools", "uvloop"),  # chosen by name in its options
}

# What torch's builds for GPUs bring along, and code of ours loads only where those are: no library
# depends on it. Tests that work without a GPU do, once requirements.in has it.
WITH_GPUS = frozenset({"triton"})


def normalise(name: str) -> str:
    """Returns a distribution's name as the target name that @pip gives it."""
    return re.sub(r"[-_.]+", "_", name).lower()


def direct_requirements(requirements: Path) -> frozenset[str]:
    """Returns the normalised names in requirements.in: only these may be imported."""
    pattern = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)", re.MULTILINE)
    return frozenset(normalise(name) for name in pattern.findall(requirements.read_text()))


def distribution_of(top_level: str) -> str | None:
    """Returns the normalised distribution of a top-level import, None for the standard library."""
    if top_level in sys.stdlib_module_names:
        return None
    return normalise(DISTRIBUTIONS.get(top_level, top_level))
