"""Which pages are read, how many that makes, and what a hit needs."""

from __future__ import annotations

import pytest

from max.dtype import DType
from max.nn.kv_cache import All, CacheGroup, KeyValue, PageLayout, Slot, State, Window
from max.pipelines.kv_cache.rules import (
    FullPages,
    PageGroup,
    StatePages,
    WindowPages,
    most_pages,
    page_groups,
)

PAGE = 4


@pytest.mark.parametrize(
    ("window", "num_tokens", "first"),
    # The next query stands at num_tokens and sees window - 1 tokens before it.
    [(5, 3, 0), (5, 7, 0), (5, 8, 1), (5, 11, 1), (5, 12, 2), (1, 4, 1), (1, 3, 0), (2, 4, 0)],
)
def test_the_first_page_of_a_window(window: int, num_tokens: int, first: int) -> None:
    assert WindowPages(PAGE, window).first(num_tokens) == first


@pytest.mark.parametrize("window", [1, 2, 3, 4, 5, 8, 9, 13])
@pytest.mark.parametrize("step_tokens", [1, 2, 3, 4, 5, 9])
def test_no_step_needs_more_pages_than_promised(window: int, step_tokens: int) -> None:
    rule = WindowPages(PAGE, window)
    most = 0
    for processed in range(60):
        for active in range(1, step_tokens + 1):
            pages = -(-(processed + active) // PAGE) - rule.first(processed)
            assert pages <= rule.most_pages(processed + active, step_tokens)
            most = max(most, pages)
    assert most == rule.most_pages(1000, step_tokens)


def test_a_step_of_any_length_needs_all_pages() -> None:
    assert WindowPages(PAGE, 5).most_pages(41, None) == FullPages(PAGE).most_pages(41, 3) == 11


@pytest.mark.parametrize(
    ("cached", "full", "window", "state"),
    [
        ([], 0, 0, 0),
        ([0, 1, 2, 3, 4, 5], 6, 6, 6),
        ([0, 1, 2, 4, 5], 3, 6, 6),
        ([0, 1, 2, 5], 3, 3, 6),
        ([1, 2, 4], 0, 3, 5),
        ([0, 2, 4], 1, 1, 5),
        ([3], 0, 0, 4),
    ],
)
def test_what_a_hit_needs(cached: list[int], full: int, window: int, state: int) -> None:
    """A window of 5 tokens reads 4 tokens, a page, before a page's first; 6, two pages."""
    found = cached.__contains__
    assert FullPages(PAGE).hit(found, 6) == full
    assert WindowPages(PAGE, 6).hit(found, 6) == window
    assert StatePages(PAGE).hit(found, 6) == state
    assert WindowPages(PAGE, 1).hit(found, 6) == 6


def test_the_first_token_of_all_is_read_by_a_window_of_one_more() -> None:
    assert [WindowPages(1, 3).first(num_tokens) for num_tokens in range(5)] == [0, 0, 0, 1, 2]


@pytest.mark.parametrize(
    ("end", "needed", "new"),
    [(0, 1, [0]), (0, 3, [2]), (1, 1, []), (1, 2, [1]), (1, 4, [3]), (3, 2, [])],
)
def test_a_step_writes_the_page_of_its_last_state_alone(
    end: int, needed: int, new: list[int]
) -> None:
    assert list(StatePages(PAGE).new_pages(end, needed)) == new


def test_states_need_two_pages_and_a_short_prompt_one() -> None:
    rule = StatePages(PAGE)
    lengths = [0, 1, 4, 5, 8, 9, 4000]
    assert [rule.most_pages(length, 1) for length in lengths] == [0, 1, 1, 2, 2, 2, 2]
    assert not rule.grows_by_step
    # What the next token reads is the state after the last one.
    assert [rule.first(length) for length in (1, 4, 5, 6, 9)] == [0, 0, 1, 1, 2]


def test_a_state_is_kept_where_a_step_ends_with_its_page() -> None:
    rule = StatePages(PAGE)
    kept = [(page, end) for page in range(3) for end in range(14) if rule.is_complete(page, end)]
    assert kept == [(0, 4), (1, 8), (2, 12)]


def test_groups_of_a_layout() -> None:
    entry = KeyValue(DType.float32, 1, 8)
    layout = PageLayout.of(
        [
            CacheGroup("full", (5,), entry),
            CacheGroup("window", (0, 1, 2, 3, 4), entry, Window(512)),
            CacheGroup("state", (6, 7), State(DType.float32, (64,)), Slot()),
        ],
        PAGE,
    )
    groups = page_groups(layout, PAGE)
    assert groups == [
        PageGroup(FullPages(PAGE), 1),
        PageGroup(WindowPages(PAGE, 512), 5),
        PageGroup(StatePages(PAGE), 2),
    ]
    assert most_pages(groups, 4000, 4) == 1000 + 5 * (513 // PAGE + 2) + 2 * 2
    assert page_groups(PageLayout.of([CacheGroup("all", (0,), entry, All())], PAGE), PAGE) == [
        PageGroup(FullPages(PAGE), 1)
    ]
