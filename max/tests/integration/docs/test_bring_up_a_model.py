"""The package on docs/bring-up-a-model.md is as correct as one of the tree."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.docs.markdown_code import write_titled_blocks
from integration.test_common.parity import Pair, check_all
from integration.test_common.tiny_tokenizer import write_tokenizer
from max.pipelines.lib import PIPELINE_REGISTRY

# build: data = ["//docs"]
PAGE = Path(__file__).parents[4] / "docs" / "bring-up-a-model.md"


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the page's files; what they import is forgotten afterwards."""
    files = write_titled_blocks(PAGE, tmp_path)
    assert len(files) == 7, "the page's package has six files, and a script beside it"
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in [n for n in sys.modules if n.split(".")[0] == "olmo"]:
        del sys.modules[name]
    PIPELINE_REGISTRY.reset()


def test_the_page_s_package_agrees_with_transformers(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = workplace / "tiny-olmo"
    monkeypatch.setattr(sys, "argv", ["make_tiny.py", str(checkpoint)])
    runpy.run_path(str(workplace / "make_tiny.py"))
    write_tokenizer(checkpoint)
    check_all(Pair(checkpoint, custom_architectures=(str(workplace / "olmo"),)), chunks=(7,))
