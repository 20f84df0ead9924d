"""Stop strings are found however the text arrives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from max.pipelines.lib.tokenizer.stop_strings import StopStringMatcher, _Pattern

LETTERS = st.text("ab", max_size=14)


def search(stop: list[str], pieces: list[str]) -> tuple[list[str], str | None]:
    """What is let through of each piece and at the end, and the stop string found."""
    matcher = StopStringMatcher(stop)
    through = [matcher.push(piece) for piece in pieces]
    return [*through, matcher.finish()], matcher.stopped


@given(pieces=st.lists(LETTERS, max_size=6), stop=st.lists(LETTERS.filter(bool), max_size=3))
def test_first_complete_stop_string_wins(pieces: list[str], stop: list[str]) -> None:
    text = "".join(pieces)
    ends = [(text.find(s) + len(s), -len(s), s) for s in stop if s in text]
    through, stopped = search(stop, pieces)
    if ends:
        end, negative_length, first = min(ends)
        assert ("".join(through), stopped) == (text[: end + negative_length], first)
    else:
        assert ("".join(through), stopped) == (text, None)


@given(pieces=st.lists(LETTERS, max_size=6), stop=st.lists(LETTERS.filter(bool), max_size=3))
def test_no_more_is_held_back_than_may_become_a_stop_string(
    pieces: list[str], stop: list[str]
) -> None:
    matcher = StopStringMatcher(stop)
    seen = shown = ""
    for piece in pieces:
        seen += piece
        shown += matcher.push(piece)
        if matcher.stopped:
            break
        held = seen[len(shown) :]
        assert held == "" or any(s.startswith(held) and s != held for s in stop)


@pytest.mark.parametrize(
    ("stop", "pieces", "through", "stopped"),
    [
        (["ab"], ["a", "b", "c"], ["", "", "", ""], "ab"),
        (["ab"], ["xa", "c"], ["x", "ac", ""], None),
        (["aab"], ["a", "a", "a", "b"], ["", "", "a", "", ""], "aab"),
        (["b", "ab"], ["ab"], ["", ""], "ab"),
        (["c", "abcd"], ["abcd"], ["ab", ""], "c"),
        ([], ["ab"], ["ab", ""], None),
    ],
)
def test_search(stop: list[str], pieces: list[str], through: list[str], stopped: str) -> None:
    assert search(stop, pieces) == (through, stopped)


def test_searches_for_the_same_text_share_its_table() -> None:
    assert _Pattern.of("abcabd") is _Pattern.of("abcabd")
