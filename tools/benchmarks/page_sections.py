"""Sections of Markdown pages that a command measures and writes."""

from __future__ import annotations

import re
from pathlib import Path

from max.benchmark.machine import describe_machine


def write_section(path: Path, title: str, text: str) -> None:
    """Puts a section in place of the one with this title, or at the end of the page.

    Args:
        path: the page.
        title: of the section, without "## ".
        text: below the title.
    """
    page = path.read_text(encoding="utf-8")
    section = f"## {title}\n\n{text.strip()}\n"
    old = re.search(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    if old is None:
        page = f"{page.rstrip()}\n\n{section}"
    else:
        rest = page[old.end() :]
        page = page[: old.start()] + section + (f"\n{rest}" if rest else "")
    path.write_text(page, encoding="utf-8")


def where_measured() -> str:
    """The machine, for a section's reader."""
    machine = describe_machine()
    return (
        f"Measured on {machine.cpu}, {machine.cores} cores, {machine.memory_gib:g} GiB, "
        f"Python {machine.versions['python']}"
    )
