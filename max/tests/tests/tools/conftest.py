"""Source trees for the tests of the tools."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

MakeTree = Callable[[dict[str, str]], Path]


@pytest.fixture
def make_tree(tmp_path: Path) -> MakeTree:
    """Writes files (path -> text) and every missing __init__.py of `max`; returns the root."""

    def make(files: dict[str, str]) -> Path:
        files = {"third_party/python/requirements.in": "numpy\ntorch  # why\npyyaml\n", **files}
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        package = tmp_path / "max/python/max"
        for folder in (package, *(p for p in package.rglob("*") if p.is_dir())):
            if folder.exists():
                (folder / "__init__.py").touch()
        return tmp_path

    return make
