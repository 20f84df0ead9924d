"""A choice gives out each token with its log probability once, along with its text."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from max.pipelines.context import GenerationStatus, LogProbabilities
from max.pipelines.lib.stream_decoder import StreamDecoder
from max.pipelines.lib.token_pieces import TokenPieces
from max.pipelines.lib.tokenizer import TextTokenizer
from max.serve.choice import Choice, TextDelta
from max.serve.echo import EchoedPrompt
from max.serve.mailbox import ChoiceDelta
from max.serve.scored_text import ScoredToken

ACTIVE = GenerationStatus.ACTIVE
ENDED = GenerationStatus.END_OF_SEQUENCE
AT_LIMIT = GenerationStatus.MAXIMUM_LENGTH
PROMPT_SCORE = -100.0


def make_choice(
    tokenizer: TextTokenizer,
    *,
    stop: tuple[str, ...] = (),
    echo: EchoedPrompt | None = None,
    is_answered: bool = True,
) -> Choice:
    decoder = StreamDecoder(tokenizer, stop=stop)
    return Choice(0, decoder, TokenPieces(tokenizer), echo, is_answered=is_answered)


def tokens_of(tokenizer: TextTokenizer, text: str) -> list[int]:
    """One token is one byte."""
    return list(tokenizer.delegate.encode(text))


def scores_of(tokens: Sequence[int], first: int = 0) -> list[LogProbabilities]:
    """Log probabilities that tell the place: 0, -1, -2, ..."""
    return [
        LogProbabilities([-float(place)], [{token: -float(place)}])
        for place, token in enumerate(tokens, first)
    ]


def advance(
    choice: Choice, tokens: Sequence[int], status: GenerationStatus, group: int
) -> list[TextDelta]:
    """Feeds tokens in groups, as a slow or a quick reader gets them, until the choice ends."""
    deltas = []
    for start in range(0, len(tokens), group):
        if choice.finish_reason is None:
            part = list(tokens[start : start + group])
            is_last = start + group >= len(tokens)
            delta = ChoiceDelta(0, part, status if is_last else ACTIVE)
            delta.log_probabilities = scores_of(part, start)
            deltas.append(choice.advance(delta))
    return deltas


def assert_in_step_with_the_text(deltas: Sequence[TextDelta]) -> list[ScoredToken]:
    """No token comes before or after the text that it begins; returns all of them."""
    end = 0
    scores: list[ScoredToken] = []
    for delta in deltas:
        start, end = end, end + len(delta.text)
        for score in delta.scores:
            assert start <= score.offset < end or (delta.finish_reason and score.offset == end)
        scores += delta.scores
    assert [score.log_probability for score in scores] == [-float(i) for i in range(len(scores))]
    assert all(score.best == {score.token: score.log_probability} for score in scores)
    return scores


@pytest.mark.parametrize("group", [1, 2, 3, 100])
def test_every_token_comes_once(tokenizer: TextTokenizer, group: int) -> None:
    tokens = [*tokens_of(tokenizer, "a 世b😀"), tokenizer.eos]

    deltas = advance(make_choice(tokenizer), tokens, ENDED, group)

    scores = assert_in_step_with_the_text(deltas)
    assert [score.token for score in scores] == tokens
    # The tokens of a character of several bytes all begin where it does; the end at the end.
    assert [score.offset for score in scores] == [0, 1, 2, 2, 2, 3, 4, 4, 4, 4, 5]


@pytest.mark.parametrize("group", [1, 3, 100])
def test_stop_string_takes_its_tokens_with_it(tokenizer: TextTokenizer, group: int) -> None:
    tokens = tokens_of(tokenizer, "gä STOP and more")

    deltas = advance(make_choice(tokenizer, stop=("STOP",)), tokens, ACTIVE, group)

    assert "".join(delta.text for delta in deltas) == "gä "
    scores = assert_in_step_with_the_text(deltas)
    assert [score.token for score in scores] == tokens_of(tokenizer, "gä ")


@pytest.mark.parametrize("group", [1, 100])
def test_token_that_a_stop_string_cuts_in_two_is_kept(group: int) -> None:
    """The demo model has single tokens for " has" and " apples"; the cut is inside the second."""
    demo = TextTokenizer("demo")
    tokens = list(demo.delegate.encode(" has apples", add_special_tokens=False))
    assert len(tokens) == 2

    deltas = advance(make_choice(demo, stop=("les",)), tokens, ACTIVE, group)

    assert "".join(delta.text for delta in deltas) == " has app"
    assert [score.token for score in assert_in_step_with_the_text(deltas)] == tokens


@pytest.mark.parametrize("group", [1, 100])
def test_what_might_have_become_a_stop_string_comes_at_the_end(
    tokenizer: TextTokenizer, group: int
) -> None:
    tokens = tokens_of(tokenizer, "a STO")

    deltas = advance(make_choice(tokenizer, stop=("STOP",)), tokens, AT_LIMIT, group)

    assert [score.token for score in assert_in_step_with_the_text(deltas)] == tokens


def test_half_a_character_at_the_end_has_its_tokens(tokenizer: TextTokenizer) -> None:
    tokens = tokens_of(tokenizer, "a😀")[:-1]

    deltas = advance(make_choice(tokenizer), tokens, AT_LIMIT, 1)

    assert [score.token for score in assert_in_step_with_the_text(deltas)] == tokens
    assert deltas[-1].text == "\N{REPLACEMENT CHARACTER}"


def make_echo(tokenizer: TextTokenizer, text: str) -> tuple[EchoedPrompt, list[LogProbabilities]]:
    """A prompt with a special token before it, and the scores of its tokens but the first."""
    tokens = [tokenizer.eos, *tokens_of(tokenizer, text)]
    scores = [LogProbabilities([PROMPT_SCORE], [{token: PROMPT_SCORE}]) for token in tokens[1:]]
    return EchoedPrompt(text, tokens), scores


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_prompt_comes_before_the_answer_when_all_of_it_is_there(
    tokenizer: TextTokenizer, chunk: int
) -> None:
    echo, scores = make_echo(tokenizer, "é?")
    choice = make_choice(tokenizer, echo=echo)
    for start in range(0, len(scores), chunk):
        part = ChoiceDelta(0, [], ACTIVE)
        part.prompt_log_probabilities = scores[start : start + chunk]
        assert choice.advance(part) == TextDelta(0, "", None, [])

    deltas = advance(choice, tokens_of(tokenizer, "ab"), AT_LIMIT, 1)

    assert [delta.text for delta in deltas] == ["é?a", "b"]
    scored = [score for delta in deltas for score in delta.scores]
    assert [score.offset for score in scored] == [0, 0, 0, 1, 2, 3]
    assert [score.log_probability for score in scored] == [None, *[PROMPT_SCORE] * 3, 0.0, -1.0]


def test_prompt_alone(tokenizer: TextTokenizer) -> None:
    """`max_tokens: 0`: the one token that the worker gives is not shown and not counted."""
    echo, scores = make_echo(tokenizer, "ab")
    choice = make_choice(tokenizer, echo=echo, is_answered=False)
    delta = ChoiceDelta(0, tokens_of(tokenizer, "x"), AT_LIMIT)
    delta.prompt_log_probabilities, delta.log_probabilities = scores, scores_of(delta.tokens)

    gained = choice.advance(delta)

    assert (gained.text, gained.finish_reason) == ("ab", "length")
    assert [score.token for score in gained.scores] == [tokenizer.eos, *tokens_of(tokenizer, "ab")]
    assert choice.num_tokens == 0


def test_prompt_without_scores(tokenizer: TextTokenizer) -> None:
    echo, _ = make_echo(tokenizer, "ab")
    choice = Choice(0, StreamDecoder(tokenizer), echo=echo)

    assert choice.advance(ChoiceDelta(0, tokens_of(tokenizer, "x"), ACTIVE)).text == "abx"
    assert choice.advance(ChoiceDelta(0, tokens_of(tokenizer, "y"), ACTIVE)).text == "y"
