"""Tests of `max.pipelines.sampling.grammars`: what may come next in an answer."""

from __future__ import annotations

import numpy as np
import pytest

from max.pipelines.context import Constraint, TextContext, TokenBuffer
from max.pipelines.sampling.grammars import Follower, Grammars
from max.pipelines.sampling.grammars.follower import set_bits
from max.pipelines.sampling.grammars.texts import choice_grammar, json_grammar, regex_grammar
from tests.pipelines.sampling.grammars.byte_tokens import (
    END,
    NUM_TOKENS,
    as_set,
    byte_tokenizer,
    characters,
    tokens_of,
)

EMPTY = tokens_of("")


def follow(grammar: str) -> Follower:
    context = TextContext(
        tokens=TokenBuffer([1]), max_length=9, constraint=Constraint(grammar=grammar)
    )
    return Grammars(byte_tokenizer).follow(context)


def test_only_what_the_grammar_has_may_come() -> None:
    follower = follow(choice_grammar(["yes", "no", "nothing"]))

    assert characters(follower.allowed(EMPTY, [END])) == "ny"
    assert characters(follower.allowed(tokens_of("n"), [END])) == "o"


def test_end_tokens_may_come_where_the_sentence_is_complete() -> None:
    follower = follow(choice_grammar(["no", "nothing"]))

    assert END not in as_set(follower.allowed(tokens_of("n"), [END]))
    assert as_set(follower.allowed(tokens_of("no"), [END])) == {END, ord("t")}
    assert as_set(follower.allowed(tokens_of("nothing"), [END])) == {END}


def test_every_end_token_of_the_request_is_known() -> None:
    """A token of ordinary text that ends answers may not stand inside one."""
    follower, ends = follow(choice_grammar(["abc"])), [ord("b"), ord("x")]

    assert as_set(follower.allowed(tokens_of("a"), ends)) == set()
    assert as_set(follow(choice_grammar(["a"])).allowed(tokens_of("a"), ends)) == set(ends)


def test_the_tokenizers_end_is_none_where_the_request_has_another() -> None:
    assert as_set(follow(choice_grammar(["a"])).allowed(tokens_of("a"), [7])) == {7}


def test_tokens_beyond_the_mask_are_left_out() -> None:
    assert NUM_TOKENS + 1000 not in as_set(follow(choice_grammar(["a"])).allowed(EMPTY, [1258]))


@pytest.mark.parametrize("steps", [1, 2, 11])
def test_a_replay_is_where_the_first_run_was(steps: int) -> None:
    """Tokens come one by one, or many at once when another worker takes the request up."""
    grammar = json_grammar({"type": "object", "properties": {"a": {"type": "integer"}}})
    text = tokens_of('{"a": 5217}')
    follower = follow(grammar)
    for length in range(0, text.size, steps):
        follower.allowed(text[:length], [END])

    expected = follow(grammar).allowed(text, [END])
    assert np.array_equal(follower.allowed(text, [END]), expected)
    assert as_set(expected) == {END}


def test_requests_do_not_follow_each_other() -> None:
    grammars = Grammars(byte_tokenizer)
    contexts = [
        TextContext(
            tokens=TokenBuffer([1]),
            max_length=9,
            constraint=Constraint(grammar=choice_grammar(["ab", "cd"])),
        )
        for _ in range(2)
    ]

    first, second = (grammars.follow(context) for context in contexts)
    assert characters(first.allowed(tokens_of("a"), [])) == "b"
    assert characters(second.allowed(tokens_of("c"), [])) == "d"
    assert grammars.follow(contexts[0]) is first


def test_an_answer_that_has_left_its_grammar_ends(caplog: pytest.LogCaptureFixture) -> None:
    follower = follow(regex_grammar("a+"))

    assert as_set(follower.allowed(tokens_of("ab"), [END])) == {END}
    assert "cut off" in caplog.text


def test_bits_are_set_and_taken_off() -> None:
    bits = np.zeros(2, np.int32)

    set_bits(bits, [0, 31, 33, 64], True)
    assert as_set(bits) == {0, 31, 33}
    set_bits(bits, [31, 40], False)
    assert as_set(bits) == {0, 33}
