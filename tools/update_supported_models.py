"""Writes docs/supported-models.md from the registered architectures.

./bazelw run //tools:update_supported_models
python3 -m tools.update_supported_models
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from max.pipelines.lib.registry import PIPELINE_REGISTRY
from max.pipelines.lib.supported_architecture import SupportedArchitecture
from tools.build.imports import workspace_root

PAGE = Path("docs", "supported-models.md")
_COMMAND = "./bazelw run //tools:update_supported_models"
_HEAD = f"""# Supported models

Written by `{_COMMAND}` from what `max list` tells
(`max list --json` for programs). A checkpoint is served when `architectures[0]` of its config.json
is a class of this table; other ones can be added without touching the tree
([bring up a model](bring-up-a-model.md)). [accuracy.md](accuracy.md) measures how near each is to
PyTorch.
"""


def page(architectures: Sequence[SupportedArchitecture]) -> str:
    """The page's text."""
    return "\n".join([_HEAD, *_table(architectures), "", *_encodings(architectures)]) + "\n"


def _table(architectures: Sequence[SupportedArchitecture]) -> Iterator[str]:
    yield "| family | class in config.json | task | GGUF | what it is | example repositories |"
    yield "|---|---|---|---|---|---|"
    for each in sorted(architectures, key=lambda a: (a.family, a.name, a.task)):
        repos = ", ".join(f"`{repo}`" for repo in each.example_repo_ids)
        gguf = f"`{each.gguf.name}`" if each.gguf is not None else ""
        task = each.task.value.replace("_", " ")
        row = [each.family, f"`{each.name}`", task, gguf, _what(each.package), repos]
        yield f"| {' | '.join(row)} |"


def _what(package: str) -> str:
    """The first line of a package's docstring, without importing it."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return ""
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].rstrip(".").replace("|", "\\|")


def _encodings(architectures: Sequence[SupportedArchitecture]) -> Iterator[str]:
    yield "## Encodings"
    yield ""
    by_encodings: dict[tuple[str, ...], list[str]] = {}
    for each in architectures:
        by_encodings.setdefault(tuple(sorted(each.supported_encodings)), []).append(each.family)
    for encodings, families in sorted(by_encodings.items(), key=lambda item: -len(item[1])):
        names = ", ".join(sorted(set(families)))
        yield f"- {names}: {', '.join(f'`{e}`' for e in encodings)}"


def main(argv: list[str] | None = None) -> int:
    """Writes or checks the page and returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; fail if it is stale")
    check = parser.parse_args(argv).check
    path = workspace_root() / PAGE
    text = page(PIPELINE_REGISTRY.all_architectures())
    is_stale = not path.exists() or path.read_text(encoding="utf-8") != text
    if is_stale and not check:
        path.write_text(text, encoding="utf-8")
    print(
        f"{PAGE}: {('stale: run ' + _COMMAND if check else 'written') if is_stale else 'as it is'}"
    )
    return 1 if is_stale and check else 0


if __name__ == "__main__":
    sys.exit(main())
