"""Tests of `tools.quality.links`."""

from __future__ import annotations

from pathlib import Path

from tools.quality.links import broken_links, pages


def test_links_and_named_files_that_are_not_there(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "design" / "page.md"
    page.parent.mkdir(parents=True)
    package = tmp_path / "max" / "python" / "max" / "nn"
    package.mkdir(parents=True)
    for path in (tmp_path / "docs" / "other.md", package / "lora.py"):
        path.touch()
    page.write_text(
        "[there](../other.md#part), [gone](../gone.md), [the web](https://example.org/x.md),"
        " `docs/other.md`, `max/nn/lora.py`, `tools/gone.py`, `gone.py`\n"
        "```bash\ncat tools/made_here.py # [no](link.md)\n```\n"
    )
    assert list(pages(tmp_path)) == [page, tmp_path / "docs" / "other.md"]
    assert broken_links(page, tmp_path) == ["../gone.md", "tools/gone.py"]
