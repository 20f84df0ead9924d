"""One rule: every step lets the processed tokens catch up with all tokens."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from max.pipelines.context import TokenBuffer


def assert_lengths(buffer: TokenBuffer, *, processed: int, active: int, total: int) -> None:
    """The four lengths and the active view fit together."""
    assert (buffer.processed_length, buffer.active_length, len(buffer)) == (
        processed,
        active,
        total,
    )
    assert buffer.remaining_length == total - processed
    assert buffer.active.tolist() == buffer.all[processed : processed + active].tolist()
    assert buffer.is_complete_after_step == (processed + active == total)


def test_new_buffer_has_everything_before_it() -> None:
    buffer = TokenBuffer([5, 6, 7])
    assert_lengths(buffer, processed=0, active=3, total=3)
    assert (buffer.prompt_length, buffer.generated_length) == (3, 0)
    assert buffer.all.dtype == np.int64


def test_rebuilt_buffer_knows_what_was_generated() -> None:
    buffer = TokenBuffer([5, 6, 7, 8], prompt_length=3)
    assert buffer.prompt.tolist() == [5, 6, 7]
    assert buffer.generated.tolist() == [8]
    assert_lengths(buffer, processed=0, active=4, total=4)


def test_prompt_in_chunks_then_decoding() -> None:
    buffer = TokenBuffer([5, 6, 7, 8, 9])
    buffer.chunk(2)
    assert_lengths(buffer, processed=0, active=2, total=5)
    buffer.advance()
    assert_lengths(buffer, processed=2, active=3, total=5)
    buffer.chunk(100)
    assert_lengths(buffer, processed=2, active=3, total=5)
    buffer.append(10)
    buffer.advance()
    assert_lengths(buffer, processed=5, active=1, total=6)
    assert buffer.active.tolist() == [10]


def test_append_and_advance_come_in_either_order() -> None:
    one, other = TokenBuffer([5, 6]), TokenBuffer([5, 6])
    one.append(7)
    one.advance()
    other.advance()
    other.append(7)
    for buffer in (one, other):
        assert_lengths(buffer, processed=2, active=1, total=3)


def test_prefix_hit_skips_tokens_but_not_the_last() -> None:
    buffer = TokenBuffer([5, 6, 7, 8])
    buffer.skip(0)
    buffer.skip(3)
    assert_lengths(buffer, processed=3, active=1, total=4)
    with pytest.raises(ValueError, match="Cannot skip 1 tokens; allowed is 0 to 0"):
        buffer.skip(1)
    with pytest.raises(ValueError, match="Cannot skip -1"):
        buffer.skip(-1)


def test_rewind_makes_generated_tokens_active_too() -> None:
    buffer = TokenBuffer([5, 6])
    buffer.append(7)
    buffer.advance()
    buffer.rewind()
    assert_lengths(buffer, processed=0, active=3, total=3)
    assert buffer.generated.tolist() == [7]


@pytest.mark.parametrize("num_tokens", [0, -1])
def test_empty_chunk_is_refused(num_tokens: int) -> None:
    with pytest.raises(ValueError, match="allowed is 1 or more"):
        TokenBuffer([5]).chunk(num_tokens)


def test_no_tokens_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(0,\)"):
        TokenBuffer([])
    with pytest.raises(ValueError, match=r"shape \(1, 2\)"):
        TokenBuffer(np.array([[1, 2]], np.int64))


@pytest.mark.parametrize("prompt_length", [0, 3])
def test_prompt_length_that_does_not_fit_is_refused(prompt_length: int) -> None:
    with pytest.raises(ValueError, match="allowed is 1 to 2"):
        TokenBuffer([5, 6], prompt_length=prompt_length)


def test_given_array_is_copied() -> None:
    tokens = np.array([5, 6], np.int64)
    buffer = TokenBuffer(tokens)
    tokens[0] = 99
    assert buffer.all.tolist() == [5, 6]


@given(prompt=st.lists(st.integers(0, 2**40), min_size=1), generated=st.lists(st.integers(0, 9)))
def test_growth_keeps_every_token(prompt: list[int], generated: list[int]) -> None:
    buffer = TokenBuffer(prompt)
    for token in generated * 5:
        buffer.append(token)
    assert buffer.all.tolist() == prompt + generated * 5
    assert buffer.prompt.tolist() == prompt


@given(steps=st.lists(st.sampled_from(["step", "append", "rewind"]) | st.integers(1, 5)))
def test_lengths_fit_together_after_any_steps(steps: list[str | int]) -> None:
    buffer = TokenBuffer([1, 2, 3, 4, 5, 6, 7])
    for step in steps:
        if isinstance(step, int):
            buffer.chunk(step)
        elif step == "append":
            buffer.append(8)
        elif step == "rewind":
            buffer.rewind()
        else:
            before = buffer.processed_length + buffer.active_length
            buffer.advance()
            assert buffer.processed_length == before
        assert 0 <= buffer.processed_length <= len(buffer)
        assert 0 <= buffer.active_length <= buffer.remaining_length
        assert (buffer.active_length > 0) == (buffer.remaining_length > 0)


def test_buffer_crosses_processes() -> None:
    buffer = TokenBuffer([5, 6, 7])
    buffer.chunk(2)
    buffer.advance()
    copy = pickle.loads(pickle.dumps(buffer))
    assert_lengths(copy, processed=2, active=1, total=3)
    assert repr(copy) == repr(buffer)
