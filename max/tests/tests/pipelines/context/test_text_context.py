"""A request ends for the right reason, at the right token."""

from __future__ import annotations

import pytest

from max.pipelines.context import (
    EOSTracker,
    GenerationStatus,
    SamplingParams,
    TextContext,
    TokenBuffer,
)
from max.pipelines.modeling.types import RequestID

EOS = 9


def make_context(
    *, max_length: int = 10, min_new_tokens: int = 0, ignore_eos: bool = False
) -> TextContext:
    """A request with a prompt of three tokens."""
    tracker = EOSTracker(
        eos_token_ids=frozenset({EOS}), min_new_tokens=min_new_tokens, ignore_eos=ignore_eos
    )
    return TextContext(max_length=max_length, tokens=TokenBuffer([1, 2, 3]), eos_tracker=tracker)


def test_new_context() -> None:
    context = make_context()
    assert context.is_initial_prompt and not context.is_done
    assert context.status is GenerationStatus.ACTIVE
    assert context.sampling_params == SamplingParams()
    assert context.request_id != make_context().request_id


def test_end_token_is_kept_and_ends() -> None:
    context = make_context()
    context.update(4)
    assert not context.is_done and not context.is_initial_prompt
    context.update(EOS)
    assert context.status is GenerationStatus.END_OF_SEQUENCE and context.is_done
    assert context.tokens.generated.tolist() == [4, EOS]


def test_length_ends() -> None:
    context = make_context(max_length=5)
    context.update(4)
    assert not context.is_done
    context.update(4)
    assert context.status is GenerationStatus.MAXIMUM_LENGTH
    assert len(context.tokens) == 5


def test_end_token_at_the_length_limit_is_an_end() -> None:
    context = make_context(max_length=4)
    context.update(EOS)
    assert context.status is GenerationStatus.END_OF_SEQUENCE


def test_ignored_end_token_goes_on() -> None:
    context = make_context(ignore_eos=True)
    context.update(EOS)
    assert not context.is_done


def test_end_token_before_the_fewest_tokens_goes_on() -> None:
    context = make_context(min_new_tokens=2)
    context.update(EOS)
    context.update(EOS)
    assert not context.is_done
    context.update(EOS)
    assert context.status is GenerationStatus.END_OF_SEQUENCE


@pytest.mark.parametrize("status", [s for s in GenerationStatus if s.is_done])
def test_done_context_takes_no_more(status: GenerationStatus) -> None:
    context = make_context()
    context.status = status
    with pytest.raises(RuntimeError, match=f"is done \\({status}\\)"):
        context.update(4)
    assert context.tokens.generated_length == 0


def test_reset_keeps_what_was_generated() -> None:
    context = make_context()
    context.update(4)
    context.tokens.advance()
    context.reset()
    assert context.tokens.processed_length == 0
    assert context.tokens.all.tolist() == [1, 2, 3, 4]


def test_rebuilt_context_goes_on_where_the_first_was() -> None:
    first = make_context(max_length=6, min_new_tokens=2)
    first.update(4)
    first.update(4)
    rebuilt = TextContext(
        request_id=RequestID(str(first.request_id)),
        max_length=first.max_length,
        tokens=TokenBuffer(first.tokens.all.tolist(), first.tokens.prompt_length),
        eos_tracker=first.eos_tracker,
        sampling_params=first.sampling_params,
    )
    for context in (first, rebuilt):
        context.update(EOS)
        assert context.status is GenerationStatus.END_OF_SEQUENCE


def test_tokens_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="has 3 tokens; allowed is max_length, 2"):
        make_context(max_length=2)


def test_prompt_scores_are_wanted_until_all_are_there() -> None:
    context = make_context()
    assert not context.wants_prompt_scores
    context.log_probabilities = 0
    assert not context.wants_prompt_scores
    context.log_probabilities_echo = True
    assert context.wants_prompt_scores
    assert context.reusable_length == 0
    context.prompt_tokens_scored = 2
    assert not context.wants_prompt_scores
    assert context.reusable_length == 2
