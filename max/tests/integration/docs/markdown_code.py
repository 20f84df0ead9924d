"""Code blocks of a page of documentation, as files."""

from __future__ import annotations

import re
from pathlib import Path

_BLOCK = re.compile(r'^```python title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def write_titled_blocks(page: Path, folder: Path) -> list[Path]:
    """Writes every Python block that has a title to the file that the title names.

    Args:
        page: a Markdown file.
        folder: where the titles' paths start.

    Returns:
        The files.
    """
    files = []
    for title, code in _BLOCK.findall(page.read_text(encoding="utf-8")):
        path = folder / title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, encoding="utf-8")
        files.append(path)
    return files
