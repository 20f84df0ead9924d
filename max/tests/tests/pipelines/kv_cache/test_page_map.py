"""Tests of `max.pipelines.kv_cache.page_map`."""

from __future__ import annotations

import pytest

from max.pipelines.context import TextContext, TokenBuffer
from max.pipelines.kv_cache.block_manager import BlockManager
from max.pipelines.kv_cache.page_map import BLANK, CACHED, HELD
from max.pipelines.modeling.types import RequestID

PAGE = 4


def compute(blocks: BlockManager, name: str, length: int) -> None:
    """A request of the tokens 0, 1, ... is computed and keeps its pages."""
    context = TextContext(
        max_length=100, tokens=TokenBuffer(range(length)), request_id=RequestID(name)
    )
    blocks.claim(name)
    blocks.reuse_prefix(context)
    assert blocks.try_alloc(context).fits
    context.tokens.advance()
    blocks.commit(context)


def test_cells_tell_blank_cached_held_and_shared_pages() -> None:
    blocks = BlockManager(6, PAGE, enable_prefix_caching=True)
    compute(blocks, "a", 10)  # Pages 1, 2 and 3; the last one is not full.
    compute(blocks, "b", 6)  # Shares page 1, and has page 4.
    blocks.release("a")

    assert blocks.page_map(6) == (1, bytes([HELD, CACHED, BLANK, HELD, BLANK, BLANK]))
    assert blocks.pages_held("b") == [1, 4]

    compute(blocks, "c", 6)

    assert blocks.page_map(6).cells[0] == HELD + 1


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5])
def test_a_cell_of_several_pages_shows_the_one_that_most_hold(most: int) -> None:
    blocks = BlockManager(6, PAGE, enable_prefix_caching=True)
    compute(blocks, "a", 10)
    compute(blocks, "b", 6)
    each = [HELD + 1, HELD, HELD, HELD, BLANK, BLANK]

    per_cell, cells = blocks.page_map(most)

    assert len(cells) <= most
    assert list(cells) == [max(each[at : at + per_cell]) for at in range(0, 6, per_cell)]


def test_more_holders_than_a_byte_can_tell() -> None:
    blocks = BlockManager(400, PAGE, enable_prefix_caching=True)
    for number in range(300):
        compute(blocks, str(number), PAGE + 1)

    assert blocks.page_map(400).cells[0] == 255
