"""Growing, sharing and giving back a request's pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from max.pipelines.context import TextContext, TokenBuffer
from max.pipelines.kv_cache.block_manager import BlockManager
from max.pipelines.kv_cache.errors import KVCacheIntegrityError, UnknownRequestError
from max.pipelines.modeling.types import RequestID

PAGE = 4


def make_context(
    tokens: Iterable[int], name: str = "a", cache_salt: str | None = None
) -> TextContext:
    return TextContext(
        max_length=1000,
        tokens=TokenBuffer(tokens),
        request_id=RequestID(name),
        cache_salt=cache_salt,
    )


def make_blocks(total_pages: int = 16, *, caching: bool = True) -> BlockManager:
    return BlockManager(total_pages, PAGE, enable_prefix_caching=caching)


def run_to_end_of_tokens(blocks: BlockManager, ctx: TextContext) -> int:
    """Claims and computes all of a request's tokens; returns how many were found in the cache."""
    blocks.claim(ctx.request_id)
    found = blocks.reuse_prefix(ctx)
    assert blocks.try_alloc(ctx).fits
    ctx.tokens.advance()
    blocks.commit(ctx)
    blocks.check_integrity()
    return found


@pytest.mark.parametrize(("length", "pages"), [(1, 1), (4, 1), (5, 2), (8, 2), (9, 3)])
def test_pages_cover_the_tokens_and_no_more(length: int, pages: int) -> None:
    blocks = make_blocks()
    run_to_end_of_tokens(blocks, make_context(range(length)))
    assert len(blocks.pages_of("a")) == pages
    assert blocks.pool.num_free == 16 - pages


def test_pages_grow_with_the_processed_and_active_tokens() -> None:
    blocks = make_blocks()
    ctx = make_context(range(10))
    blocks.claim("a")
    ctx.tokens.chunk(3)
    blocks.try_alloc(ctx)
    assert len(blocks.pages_of("a")) == 1
    before = blocks.pages_of("a")
    ctx.tokens.advance()
    ctx.tokens.chunk(2)
    blocks.try_alloc(ctx)
    assert len(blocks.pages_of("a")) == 2
    assert blocks.pages_of("a")[:1] == before


def test_steps_ahead_are_covered() -> None:
    blocks = make_blocks()
    ctx = make_context(range(4))
    blocks.claim("a")
    assert blocks.try_alloc(ctx, num_steps=1).pages_needed == 1
    assert blocks.try_alloc(ctx, num_steps=2).pages_needed == 1
    assert len(blocks.pages_of("a")) == 2


def test_a_request_is_covered_until_it_needs_a_page() -> None:
    blocks = make_blocks()
    ctx = make_context(range(PAGE))
    blocks.claim(ctx.request_id)
    assert not blocks.covers(ctx)
    blocks.try_alloc(ctx)
    assert blocks.covers(ctx)
    ctx.update(5)
    ctx.tokens.advance()
    assert not blocks.covers(ctx)
    assert blocks.ask(ctx).pages_needed == 1


def test_what_does_not_fit_changes_nothing() -> None:
    blocks = make_blocks(total_pages=2)
    blocks.claim("a")
    result = blocks.try_alloc(make_context(range(9)))
    assert not result.fits
    assert result.request_id == "a"
    assert (result.pages_needed, result.pages_free, result.pages_total) == (3, 2, 2)
    assert blocks.pages_of("a") == ()
    assert blocks.pool.num_free == 2
    assert "needs 3 more KV pages to hold 9 tokens" in str(result)
    assert "2 of 2 are free" in str(result)


def test_release_gives_all_pages_back() -> None:
    blocks = make_blocks(total_pages=3)
    run_to_end_of_tokens(blocks, make_context(range(9)))
    assert blocks.pool.num_free == 0
    blocks.release("a")
    assert blocks.pool.num_free == 3
    assert not blocks.contains("a")
    blocks.check_integrity()


def test_a_request_is_claimed_once_and_released_once() -> None:
    blocks = make_blocks()
    blocks.claim("a")
    with pytest.raises(ValueError, match="'a' is claimed already"):
        blocks.claim("a")
    blocks.release("a")
    with pytest.raises(UnknownRequestError, match="cannot release request 'a'"):
        blocks.release("a")
    with pytest.raises(UnknownRequestError, match="cannot allocate for request 'a'"):
        blocks.try_alloc(make_context(range(3)))


@pytest.mark.parametrize(
    ("call", "action"),
    [
        (lambda blocks, ctx: blocks.holding("a"), "look up"),
        (BlockManager.reuse_prefix, "look for a cached prefix of"),
        (BlockManager.is_prefix_coming, "look for a coming prefix of"),
        (BlockManager.announce_prefix, "announce the prefix of"),
        (BlockManager.ask, "allocate for"),
        (BlockManager.commit, "commit"),
    ],
)
def test_a_request_that_was_never_claimed_is_named(
    call: Callable[[BlockManager, TextContext], object], action: str
) -> None:
    with pytest.raises(UnknownRequestError, match=f"cannot {action} request 'a'"):
        call(make_blocks(), make_context(range(3)))


def test_tokens_that_the_pages_do_not_hold_are_noticed() -> None:
    blocks = make_blocks()
    ctx = make_context(range(5))
    ctx.tokens.advance()
    blocks.claim("a")
    with pytest.raises(KVCacheIntegrityError, match="0 <= 5 <= 0"):
        blocks.try_alloc(ctx)


def test_rewinding_into_shared_pages_is_noticed() -> None:
    blocks = make_blocks()
    ctx = make_context(range(5))
    run_to_end_of_tokens(blocks, ctx)
    ctx.tokens.rewind()
    with pytest.raises(KVCacheIntegrityError, match="4 <= 0 <= 8 is false"):
        blocks.try_alloc(ctx)


@pytest.mark.parametrize(("length", "found"), [(3, 0), (4, 0), (5, 4), (8, 4), (9, 8), (12, 8)])
def test_a_hit_leaves_at_least_one_token_to_compute(length: int, found: int) -> None:
    blocks = make_blocks()
    run_to_end_of_tokens(blocks, make_context(range(length), "a"))
    second = make_context(range(length), "b")
    blocks.claim("b")
    assert blocks.reuse_prefix(second) == found
    assert second.tokens.processed_length == found
    assert blocks.pages_of("b") == blocks.pages_of("a")[: found // PAGE]
    assert blocks.try_alloc(second).fits
    blocks.check_integrity()


@pytest.mark.parametrize(("scored", "found"), [(0, 0), (3, 0), (4, 4), (9, 8), (11, 8)])
def test_a_hit_leaves_the_tokens_to_compute_whose_logits_are_wanted(
    scored: int, found: int
) -> None:
    """The logits after token i give the log probability of token i + 1, number i of them."""
    blocks = make_blocks()
    run_to_end_of_tokens(blocks, make_context(range(12)))
    ctx = make_context(range(12), "b")
    ctx.log_probabilities, ctx.log_probabilities_echo = 0, True
    ctx.prompt_tokens_scored = scored

    assert run_to_end_of_tokens(blocks, ctx) == found


def test_a_hit_after_release_revives_the_pages() -> None:
    blocks = make_blocks(total_pages=3)
    ctx = make_context(range(9))
    run_to_end_of_tokens(blocks, ctx)
    pages = blocks.pages_of("a")
    blocks.release("a")
    assert run_to_end_of_tokens(blocks, make_context(range(9), "b")) == 8
    assert blocks.pages_of("b")[:2] == pages[:2]


def test_generated_tokens_are_found_by_the_next_turn() -> None:
    blocks = make_blocks()
    ctx = make_context(range(6))
    run_to_end_of_tokens(blocks, ctx)
    for token in (50, 51, 52):
        ctx.tokens.append(token)
        assert blocks.try_alloc(ctx).fits
        ctx.tokens.advance()
        blocks.commit(ctx)
    blocks.release("a")
    assert run_to_end_of_tokens(blocks, make_context([*range(6), 50, 51, 99, 98], "b")) == 8


def test_a_hit_ends_where_the_tokens_differ() -> None:
    blocks = make_blocks()
    run_to_end_of_tokens(blocks, make_context(range(12), "a"))
    assert run_to_end_of_tokens(blocks, make_context([*range(6), 99, *range(7, 12)], "b")) == 4
    assert run_to_end_of_tokens(blocks, make_context([99, *range(1, 12)], "c")) == 0
    assert run_to_end_of_tokens(blocks, make_context([*range(4, 8), *range(4)], "d")) == 0


def test_requests_of_different_salts_share_nothing() -> None:
    blocks = make_blocks()
    run_to_end_of_tokens(blocks, make_context(range(9), "a", cache_salt="x"))
    assert run_to_end_of_tokens(blocks, make_context(range(9), "b", cache_salt="y")) == 0
    assert run_to_end_of_tokens(blocks, make_context(range(9), "c")) == 0
    assert run_to_end_of_tokens(blocks, make_context(range(9), "d", cache_salt="x")) == 8


def test_requests_that_compute_the_same_page_at_once_keep_one_copy() -> None:
    blocks = make_blocks()
    contexts = [make_context(range(9), "a"), make_context(range(9), "b")]
    for ctx in contexts:
        blocks.claim(ctx.request_id)
        assert blocks.reuse_prefix(ctx) == 0
        blocks.try_alloc(ctx)
    assert blocks.pool.num_free == 16 - 6
    for ctx in contexts:
        ctx.tokens.advance()
        blocks.commit(ctx)
    assert blocks.pages_of("a")[:2] == blocks.pages_of("b")[:2]
    assert blocks.pages_of("a")[2] != blocks.pages_of("b")[2]
    assert blocks.pool.num_free == 16 - 4
    blocks.check_integrity()


def test_a_request_s_first_pages_outlive_its_last_ones() -> None:
    blocks = make_blocks(total_pages=3)
    run_to_end_of_tokens(blocks, make_context(range(12), "a"))
    blocks.release("a")
    run_to_end_of_tokens(blocks, make_context([99], "b"))
    blocks.release("b")
    assert run_to_end_of_tokens(blocks, make_context(range(9), "c")) == 8


def test_without_prefix_caching_nothing_is_found() -> None:
    blocks = make_blocks(caching=False)
    run_to_end_of_tokens(blocks, make_context(range(9), "a"))
    assert run_to_end_of_tokens(blocks, make_context(range(9), "b")) == 0
    assert blocks.metrics.num_cached_pages == 0


def test_reset_forgets_what_was_computed_before() -> None:
    blocks = make_blocks()
    ctx = make_context(range(6), "a")
    run_to_end_of_tokens(blocks, ctx)
    blocks.reset_prefix_cache()
    for token in (6, 7):
        ctx.tokens.append(token)
        blocks.try_alloc(ctx)
        ctx.tokens.advance()
        blocks.commit(ctx)
    assert ctx.tokens.processed_length == 8
    blocks.check_integrity()
    blocks.release("a")
    assert blocks.metrics.num_cached_pages == 0
    assert run_to_end_of_tokens(blocks, make_context(range(9), "b")) == 0
    assert run_to_end_of_tokens(blocks, make_context(range(9), "c")) == 8


def test_reuse_prefix_does_nothing_for_a_request_that_has_begun() -> None:
    blocks = make_blocks()
    run_to_end_of_tokens(blocks, make_context(range(9), "a"))
    ctx = make_context(range(9), "b")
    blocks.claim("b")
    blocks.try_alloc(ctx)
    pages = blocks.pages_of("b")
    assert blocks.reuse_prefix(ctx) == 0
    assert blocks.pages_of("b") == pages


def test_commit_twice_is_harmless() -> None:
    blocks = make_blocks()
    ctx = make_context(range(9))
    run_to_end_of_tokens(blocks, ctx)
    before = (blocks.pages_of("a"), blocks.metrics)
    blocks.commit(ctx)
    assert (blocks.pages_of("a"), blocks.metrics) == before


def test_metrics_count_pages_and_hits() -> None:
    blocks = make_blocks()
    run_to_end_of_tokens(blocks, make_context(range(9), "a"))
    run_to_end_of_tokens(blocks, make_context(range(9), "b"))
    metrics = blocks.metrics
    assert (metrics.num_total_pages, metrics.num_used_pages) == (16, 4)
    assert metrics.num_cached_pages == 2
    assert (metrics.prefix_tokens_asked, metrics.prefix_tokens_hit) == (18, 8)
    run_to_end_of_tokens(blocks, make_context(range(6), "c"))
    metrics = blocks.metrics
    assert (metrics.prefix_tokens_asked, metrics.prefix_tokens_hit) == (24, 12)


def test_further_allocations_of_a_request_are_no_lookups() -> None:
    blocks = make_blocks()
    run_to_end_of_tokens(blocks, make_context(range(9), "a"))
    ctx = make_context(range(9), "b")
    run_to_end_of_tokens(blocks, ctx)
    before = blocks.metrics
    ctx.update(5)
    assert blocks.try_alloc(ctx).fits
    after = blocks.metrics
    assert (after.prefix_tokens_asked, after.prefix_tokens_hit) == (
        before.prefix_tokens_asked,
        before.prefix_tokens_hit,
    )


def test_a_lookup_is_counted_when_the_request_begins() -> None:
    blocks = make_blocks(total_pages=4)
    run_to_end_of_tokens(blocks, make_context(range(9), "a"))
    ctx = make_context(range(20), "b")
    blocks.claim("b")
    assert blocks.reuse_prefix(ctx) == 8
    assert not blocks.try_alloc(ctx).fits
    assert blocks.metrics.prefix_tokens_asked == 9
    ctx.tokens.chunk(1)
    assert blocks.try_alloc(ctx).fits
    assert (blocks.metrics.prefix_tokens_asked, blocks.metrics.prefix_tokens_hit) == (29, 8)


def begin(blocks: BlockManager, ctx: TextContext) -> bool:
    """Claims a request; returns whether it does better to wait, and announces it if not."""
    blocks.claim(ctx.request_id)
    blocks.reuse_prefix(ctx)
    waits = blocks.is_prefix_coming(ctx)
    if waits:
        blocks.release(ctx.request_id)
        ctx.tokens.rewind()
    else:
        blocks.announce_prefix(ctx)
        assert blocks.try_alloc(ctx).fits
    blocks.check_integrity()
    return waits


def compute(blocks: BlockManager, ctx: TextContext, num_tokens: int) -> None:
    ctx.tokens.chunk(num_tokens)
    ctx.tokens.advance()
    blocks.commit(ctx)
    blocks.check_integrity()


def test_a_request_waits_for_the_pages_that_another_one_announced() -> None:
    blocks = make_blocks()
    first, second = make_context(range(11)), make_context(range(11), "b")
    assert not begin(blocks, first)
    for num_tokens in (3, 2, 2):  # Not even two pages yet.
        assert begin(blocks, second)
        compute(blocks, first, num_tokens)
    assert begin(blocks, second)
    compute(blocks, first, 1)
    assert not begin(blocks, second)
    assert second.tokens.processed_length == 2 * PAGE


def test_pages_that_are_filled_one_by_one_come_one_by_one() -> None:
    blocks = make_blocks()
    first, second = make_context(range(15)), make_context(range(15), "b")
    assert not begin(blocks, first)
    for _ in range(2):
        compute(blocks, first, 4)
        assert begin(blocks, second)
    compute(blocks, first, 4)
    assert not begin(blocks, second)


def test_a_page_that_could_not_be_shared_is_not_waited_for() -> None:
    """The last token is computed anyway, so the last page of a prompt of whole pages is."""
    blocks = make_blocks()
    first, second = make_context(range(8)), make_context(range(8), "b")
    assert not begin(blocks, first)
    compute(blocks, first, 4)
    assert not begin(blocks, second)


@pytest.mark.parametrize("salt", [None, "mine"])
def test_other_tokens_or_salts_are_not_waited_for(salt: str | None) -> None:
    blocks = make_blocks()
    assert not begin(blocks, make_context(range(8)))
    others = make_context([0, 1, 2, 3 + (salt is None), 4], "b", salt)
    assert not begin(blocks, others)


def test_released_pages_come_no_more() -> None:
    blocks = make_blocks()
    assert not begin(blocks, make_context(range(9)))
    blocks.release("a")
    assert not begin(blocks, make_context(range(9), "b"))


def test_pages_that_a_reset_hides_come_no_more() -> None:
    blocks = make_blocks()
    first = make_context(range(9))
    assert not begin(blocks, first)
    blocks.reset_prefix_cache()
    assert not begin(blocks, make_context(range(9), "b"))
    compute(blocks, first, 9)


def test_a_page_that_two_announced_comes_until_both_are_gone() -> None:
    """The first was announced, released and came back after the second had begun."""
    blocks = make_blocks()
    for name in ("a", "b"):
        ctx = make_context(range(9), name)
        blocks.claim(name)
        blocks.announce_prefix(ctx)
    blocks.release("a")
    assert begin(blocks, make_context(range(9), "c"))
    blocks.release("b")
    assert not begin(blocks, make_context(range(9), "c"))


def test_without_prefix_caching_nothing_is_announced() -> None:
    blocks = make_blocks(caching=False)
    assert not begin(blocks, make_context(range(9)))
    assert not begin(blocks, make_context(range(9), "b"))


def test_a_page_without_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="--kv-cache-page-size must be at least 1 token, got 0"):
        BlockManager(1, 0)


def test_a_page_may_be_of_one_token() -> None:
    blocks = BlockManager(4, 1)
    assert (blocks.page_size, blocks.pages_for(3)) == (1, 3)


def test_unless_told_nothing_is_cached() -> None:
    assert not BlockManager(4, PAGE).enable_prefix_caching
