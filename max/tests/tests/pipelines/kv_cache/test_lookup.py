"""The arrays by which a step finds its pages."""

from __future__ import annotations

import numpy as np
import pytest

from max.pipelines.context import TextContext, TokenBuffer
from max.pipelines.kv_cache.block_manager import BlockManager
from max.pipelines.kv_cache.errors import KVCacheIntegrityError, UnknownRequestError
from max.pipelines.kv_cache.lookup import make_lookup
from max.pipelines.kv_cache.rules import FullPages, PageGroup, StatePages
from max.pipelines.modeling.types import RequestID


def make_context(length: int, name: str) -> TextContext:
    return TextContext(
        max_length=100, tokens=TokenBuffer(range(length)), request_id=RequestID(name)
    )


def test_a_prompt_and_a_decoding_request_in_one_batch() -> None:
    blocks = BlockManager(8, page_size=4)
    prompt, decoding = make_context(3, "a"), make_context(9, "b")
    blocks.claim("b")
    blocks.try_alloc(decoding)
    decoding.tokens.advance()
    decoding.tokens.append(9)
    blocks.try_alloc(decoding)
    blocks.claim("a")
    blocks.try_alloc(prompt)
    lookup = make_lookup(blocks, [prompt, decoding])
    np.testing.assert_array_equal(lookup.cache_lengths, [0, 9])
    (table,) = lookup.lookup_tables
    np.testing.assert_array_equal(table[:, :3], [[4, 0, 0], [1, 2, 3]])
    assert table.shape == (2, 8)  # Steps of about as many tokens have tables of equal width.
    assert not table[:, 3:].any()
    np.testing.assert_array_equal(lookup.max_prompt_length, [3])
    np.testing.assert_array_equal(lookup.max_cache_length, [10])
    assert {array.dtype for array in (lookup.cache_lengths, table, *lookup[2:])} == {
        np.dtype(np.uint32)
    }


def test_an_empty_batch_has_arrays_too() -> None:
    lookup = make_lookup(BlockManager(1, page_size=4), [])
    assert lookup.cache_lengths.shape == (0,)
    assert lookup.lookup_tables[0].shape == (0, 1)
    np.testing.assert_array_equal(lookup.max_prompt_length, [0])


def test_a_request_without_enough_pages_is_noticed() -> None:
    blocks = BlockManager(8, page_size=4)
    ctx = make_context(5, "a")
    blocks.claim("a")
    ctx.tokens.chunk(4)
    blocks.try_alloc(ctx)
    make_lookup(blocks, [ctx])
    ctx.tokens.chunk(5)
    with pytest.raises(KVCacheIntegrityError, match=r"'a': 1 \* 4 < 5"):
        make_lookup(blocks, [ctx])


def test_a_request_that_is_not_claimed_is_named() -> None:
    with pytest.raises(UnknownRequestError, match="'a'"):
        make_lookup(BlockManager(8, page_size=4), [make_context(5, "a")])


def states_of(blocks: BlockManager, *batch: TextContext) -> list[list[list[int]]]:
    """Of each table of states, the page to read and that to write of each request."""
    return [table.tolist() for table in make_lookup(blocks, batch).lookup_tables[1:]]


def test_states_are_read_from_the_page_before_and_written_to_the_one_after() -> None:
    """Two tables of states behind one of pages; a state's page is that of its last token."""
    groups = (PageGroup(FullPages(4)), PageGroup(StatePages(4), tables=2))
    blocks = BlockManager(40, page_size=4, groups=groups)
    first, second = make_context(20, "a"), make_context(20, "b")
    for name in "ab":
        blocks.claim(name)

    def step(ctx: TextContext, tokens: int) -> None:
        ctx.tokens.chunk(tokens)
        assert blocks.try_alloc(ctx).fits

    step(first, 3)
    step(second, 6)
    pages = [[blocks.pages_of(name, table) for name in "ab"] for table in (1, 2)]
    # Nothing is read at first; what is written is the page of the third token, or of the sixth.
    assert states_of(blocks, first, second) == [
        [[0, of_first[0]], [0, of_second[1]]] for of_first, of_second in pages
    ]
    for ctx in (first, second):
        ctx.tokens.advance()
        blocks.commit(ctx)

    step(first, 1)  # the page that it has is full behind this token
    step(second, 3)  # another one begins
    pages = [[blocks.pages_of(name, table) for name in "ab"] for table in (1, 2)]
    assert states_of(blocks, first, second) == [
        [[of_first[0], of_first[0]], [of_second[1], of_second[2]]] for of_first, of_second in pages
    ]
    written = np.array(states_of(blocks, first, second))[..., 1]
    assert len(np.unique(written)) == 4 and written.all()
    assert {table.dtype for table in make_lookup(blocks, [first]).lookup_tables} == {
        np.dtype(np.uint32)
    }
