"""Tests of `max.serve.choice`."""

from __future__ import annotations

import pytest

from max.pipelines.context import GenerationStatus
from max.pipelines.lib.stream_decoder import StreamDecoder
from max.pipelines.lib.tokenizer import TextTokenizer
from max.serve.choice import Choice, TextDelta
from max.serve.mailbox import ChoiceDelta

ACTIVE = GenerationStatus.ACTIVE
ENDED = GenerationStatus.END_OF_SEQUENCE
AT_LIMIT = GenerationStatus.MAXIMUM_LENGTH


def make_choice(tokenizer: TextTokenizer, *, stop: tuple[str, ...] = ()) -> Choice:
    return Choice(0, StreamDecoder(tokenizer, stop=stop))


def tokens_of(tokenizer: TextTokenizer, text: str) -> list[int]:
    return list(tokenizer.delegate.encode(text))


def test_end_token_is_counted_and_not_shown(tokenizer: TextTokenizer) -> None:
    choice = make_choice(tokenizer)

    delta = choice.advance(ChoiceDelta(0, [*tokens_of(tokenizer, "ab"), tokenizer.eos], ENDED))

    assert delta == TextDelta(0, "ab", "stop")
    assert choice.num_tokens == 3


def test_stop_token_that_has_a_text_is_not_shown(tokenizer: TextTokenizer) -> None:
    choice = make_choice(tokenizer)

    delta = choice.advance(ChoiceDelta(0, tokens_of(tokenizer, "ab!"), ENDED))

    assert delta == TextDelta(0, "ab", "stop")


def test_limit_is_told_as_length(tokenizer: TextTokenizer) -> None:
    choice = make_choice(tokenizer)

    delta = choice.advance(ChoiceDelta(0, tokens_of(tokenizer, "ab"), AT_LIMIT))

    assert delta == TextDelta(0, "ab", "length")
    assert choice.num_tokens == 2


def test_half_a_character_waits_for_its_rest(tokenizer: TextTokenizer) -> None:
    choice = make_choice(tokenizer)
    first, second = tokens_of(tokenizer, "é")

    assert choice.advance(ChoiceDelta(0, [first], ACTIVE)).text == ""
    assert choice.advance(ChoiceDelta(0, [second], ACTIVE)).text == "é"


@pytest.mark.parametrize("group", [1, 2, 100])
def test_stop_string_ends_text_and_count_however_tokens_are_grouped(
    tokenizer: TextTokenizer, group: int
) -> None:
    choice = make_choice(tokenizer, stop=("STOP",))
    tokens = tokens_of(tokenizer, "go on STOP and more")

    text = ""
    for start in range(0, len(tokens), group):
        if choice.finish_reason is None:
            text += choice.advance(ChoiceDelta(0, tokens[start : start + group], ACTIVE)).text

    assert text == "go on "
    assert choice.finish_reason == "stop"
    assert choice.stopped_by_string
    assert choice.num_tokens == len("go on STOP")


def test_stop_string_wins_over_the_limit(tokenizer: TextTokenizer) -> None:
    choice = make_choice(tokenizer, stop=("b",))

    assert choice.advance(ChoiceDelta(0, tokens_of(tokenizer, "ab"), AT_LIMIT)).text == "a"
    assert choice.finish_reason == "stop"


def test_end_token_after_a_stop_string_is_not_counted(tokenizer: TextTokenizer) -> None:
    choice = make_choice(tokenizer, stop=("b",))

    choice.advance(ChoiceDelta(0, [*tokens_of(tokenizer, "ab"), tokenizer.eos], ENDED))

    assert choice.num_tokens == 2


def test_what_might_have_become_a_stop_string_is_shown_at_the_end(
    tokenizer: TextTokenizer,
) -> None:
    choice = make_choice(tokenizer, stop=("STOP",))

    assert choice.advance(ChoiceDelta(0, tokens_of(tokenizer, "a STO"), ACTIVE)).text == "a "
    assert choice.advance(ChoiceDelta(0, [tokenizer.eos], ENDED)).text == "STO"


def test_cached_tokens_are_those_of_the_worker_that_began(tokenizer: TextTokenizer) -> None:
    choice = make_choice(tokenizer)
    assert choice.cached_tokens == 0
    for cached_tokens in (128, 0, 256):
        choice.advance(ChoiceDelta(0, tokens_of(tokenizer, "a"), ACTIVE, cached_tokens))
    assert choice.cached_tokens == 128
