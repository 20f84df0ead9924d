"""Pages of several groups: windows that drop them, states that keep one, columns of two tables."""

from __future__ import annotations

import pytest

from max.pipelines.context import TextContext, TokenBuffer
from max.pipelines.kv_cache.block_manager import BlockManager
from max.pipelines.kv_cache.errors import KVCacheIntegrityError
from max.pipelines.kv_cache.rules import FullPages, PageGroup, StatePages, WindowPages
from max.pipelines.modeling.types import RequestID

PAGE = 4
FULL = PageGroup(FullPages(PAGE))
# A query sees 6 tokens; each of two tables has its own pages for them.
WINDOW = PageGroup(WindowPages(PAGE, window=6), tables=2)
STATE = PageGroup(StatePages(PAGE))


def make_context(length: int, name: str = "a") -> TextContext:
    return TextContext(
        max_length=1000, tokens=TokenBuffer(range(length)), request_id=RequestID(name)
    )


def make_blocks(*groups: PageGroup, caching: bool = True, total_pages: int = 40) -> BlockManager:
    return BlockManager(total_pages, PAGE, enable_prefix_caching=caching, groups=groups)


def compute(blocks: BlockManager, ctx: TextContext, *steps: int) -> int:
    """Claims a request and computes its tokens in steps; returns how many were found."""
    blocks.claim(ctx.request_id)
    found = blocks.reuse_prefix(ctx)
    for tokens in steps:
        go_on(blocks, ctx, tokens)
    return found


def go_on(blocks: BlockManager, ctx: TextContext, tokens: int) -> None:
    """Computes some of a request's tokens, with pages for those of this step."""
    ctx.tokens.chunk(tokens)
    assert blocks.try_alloc(ctx).fits
    ctx.tokens.advance()
    blocks.commit(ctx)
    blocks.check_integrity()


def test_each_table_has_its_pages() -> None:
    blocks = make_blocks(FULL, WINDOW)
    assert blocks.num_tables == 3
    compute(blocks, make_context(9), 9)
    # Three of the first group, then columns of two; of 9 tokens the next query sees the last 5.
    assert [blocks.pages_of("a", table) for table in range(3)] == [
        (1, 2, 3),
        (0, 6, 8),
        (0, 7, 9),
    ]
    assert blocks.pages_held("a") == [1, 6, 7, 2, 8, 9, 3]
    assert blocks.pool.num_free == 40 - 7


def test_what_is_asked_for_counts_every_table() -> None:
    blocks = make_blocks(FULL, WINDOW)
    ctx = make_context(9)
    blocks.claim("a")
    assert (blocks.ask(ctx).num_tokens, blocks.ask(ctx).pages_needed) == (9, 3 + 2 * 3)
    # A step of 4 tokens needs no more of the window's.
    assert blocks.ask(ctx, step_tokens=4).pages_needed == 3 + 2 * 1
    assert blocks.ask(ctx, step_tokens=5).pages_needed == 3 + 2 * 2
    assert blocks.ask(ctx, step_tokens=99).pages_needed == 3 + 2 * 3
    assert blocks.try_alloc(ctx, step_tokens=4).pages_needed == 5
    assert [len(blocks.pages_of("a", table)) for table in range(3)] == [3, 1, 1]
    result = blocks.ask(ctx, num_steps=4)
    assert (result.num_tokens, result.pages_held, result.pages_needed) == (12, 5, 2 * 2)
    assert blocks.pool.num_free == 40 - 5


def test_pages_for_is_what_the_groups_hold_at_most() -> None:
    blocks = make_blocks(FULL, WINDOW, STATE)
    assert blocks.pages_for(40) == 10 + 2 * 10 + 2
    assert blocks.pages_for(40, step_tokens=4) == 10 + 2 * 3 + 2


def test_pages_behind_a_window_are_found_until_somebody_takes_them() -> None:
    blocks = make_blocks(FULL, WINDOW)
    compute(blocks, make_context(13), 13)
    blocks.release("a")
    second = make_context(13, "b")
    assert compute(blocks, second) == 12
    # 12 tokens: the next query sees those from the eighth on.
    assert [blocks.pages_of("b", table) for table in range(3)] == [
        (1, 2, 3),
        (0, 7, 9),
        (0, 8, 10),
    ]
    assert blocks.holding("b").begins == [0, 1]
    assert blocks.holding("b").ends == [3, 3]
    blocks.check_integrity()


def test_a_hit_is_what_all_groups_have() -> None:
    blocks = make_blocks(FULL, WINDOW)
    first = make_context(13)
    compute(blocks, first, 13)
    blocks.release("a")
    (gone, _) = blocks.pool.index.column(1, first.page_keys(PAGE)[1])
    blocks.pool.index.evict(gone)
    # Without the window's second page nobody can go on after 12 tokens, nor after 8: after 4.
    assert compute(blocks, make_context(13, "b")) == 4


def test_rewinding_behind_what_was_dropped_is_noticed() -> None:
    blocks = make_blocks(FULL, WINDOW, caching=False)
    ctx = make_context(10)
    compute(blocks, ctx, 9)
    ctx.tokens.rewind()
    with pytest.raises(KVCacheIntegrityError, match="reads after 0 tokens: 1 <= 0 is false"):
        blocks.ask(ctx)


def test_a_state_is_one_page_that_moves() -> None:
    blocks = make_blocks(STATE)
    ctx = make_context(12)
    blocks.claim("a")
    assert blocks.try_alloc(ctx).pages_needed == 1
    blocks.commit(ctx)  # Nothing is computed yet.
    assert blocks.pages_of("a") == (0, 0, 1)
    ctx.tokens.chunk(3)
    ctx.tokens.advance()
    blocks.commit(ctx)
    assert blocks.pages_of("a") == (1,)
    go_on(blocks, ctx, 1)  # Still in the first page, which it fills.
    assert blocks.pages_of("a") == (1,)
    go_on(blocks, ctx, 5)
    assert blocks.pages_of("a") == (0, 0, 2)
    assert blocks.pool.num_free == 40 - 1


@pytest.mark.parametrize(("steps", "found"), [((8, 1), 8), ((4, 5), 4), ((9,), 0), ((6, 3), 0)])
def test_states_are_found_where_steps_ended_with_a_page(steps: tuple[int, ...], found: int) -> None:
    blocks = make_blocks(FULL, STATE)
    compute(blocks, make_context(9), *steps)
    assert compute(blocks, make_context(12, "b")) == found


def test_groups_that_compute_the_same_keep_one_copy() -> None:
    blocks = make_blocks(FULL, WINDOW)
    contexts = [make_context(5, "a"), make_context(5, "b")]
    for ctx in contexts:
        blocks.claim(ctx.request_id)
        blocks.try_alloc(ctx)
    assert blocks.pool.num_free == 40 - 2 * 6
    for ctx in contexts:
        ctx.tokens.advance()
        blocks.commit(ctx)
    # The first page of each of three tables is shared.
    assert blocks.pool.num_free == 40 - 2 * 6 + 3
    assert [blocks.pages_of("b", table)[0] for table in range(3)] == [
        blocks.pages_of("a", table)[0] for table in range(3)
    ]
    blocks.check_integrity()
