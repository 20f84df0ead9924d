"""Links of the documentation to files that are not there.

`python3 -m tools.quality.links` (part of `./bazelw run //:lint`) lists them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.build.imports import workspace_root

_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)")
# Files of the tree, or of the package, that are named in code font.
_PATH = re.compile(r"`((?:docs|max|tools|third_party)/[\w./-]+)`")


def pages(root: Path) -> Iterator[Path]:
    """The pages of a tree."""
    yield from sorted(root.glob("*.md"))
    yield from sorted((root / "docs").rglob("*.md"))


def broken_links(page: Path, root: Path) -> list[str]:
    """The files that a page links to or names, and that are not there."""
    text = _CODE.sub("", page.read_text())
    links = [target for target in _LINK.findall(text) if not (page.parent / target).exists()]
    places = (root, root / "max" / "python")
    named = [
        target
        for target in _PATH.findall(text)
        if not any((place / target).exists() for place in places)
    ]
    return links + named


def main() -> int:
    """Lists the links; returns the exit code."""
    root = workspace_root()
    found = [(page, target) for page in pages(root) for target in broken_links(page, root)]
    for page, target in found:
        print(f"{page.relative_to(root)} links to {target}, which is not there")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
