"""What a command measures stands in its section, and the rest of the page stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.benchmarks.page_sections import write_section

PAGE = "# Page\n\nAbout.\n\n## First\n\nOld.\n\n### Part\n\nOld too.\n\n## Last\n\nKept.\n"


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("First", "# Page\n\nAbout.\n\n## First\n\nNew.\n\n## Last\n\nKept.\n"),
        ("Last", PAGE.replace("Kept.", "New.")),
        ("Third", f"{PAGE}\n## Third\n\nNew.\n"),
    ],
)
def test_a_section_is_replaced_or_added(tmp_path: Path, title: str, expected: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    write_section(page, title, "New.")
    assert page.read_text(encoding="utf-8") == expected
