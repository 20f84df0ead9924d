"""Tests of `max.pipelines.sampling.grammars`: what may come next in an answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from max.pipelines.context import Constraint, TextContext, TokenBuffer
from max.pipelines.sampling.grammars.compiled import Grammars
from max.pipelines.sampling.grammars.follower import Follower, set_bits
from max.pipelines.sampling.grammars.texts import choice_grammar, json_grammar, regex_grammar
from tests.pipelines.sampling.grammars.byte_tokens import (
    END,
    NUM_TOKENS,
    TAG,
    as_set,
    byte_tokenizer,
    characters,
    tokens_of,
)

EMPTY = tokens_of("")


class Allowed:
    """What may come, for tests in which not everything may."""

    def __init__(self, follower: Follower) -> None:
        self.follower = follower

    def allowed(self, generated: np.ndarray, ends: list[int]) -> np.ndarray:
        bits = self.follower.allowed(generated, ends)
        assert bits is not None
        return bits


def make_context(grammar: str | None = None, **fields: Any) -> TextContext:
    constraint = Constraint(grammar=grammar, **fields)
    return TextContext(tokens=TokenBuffer([1]), max_length=9, constraint=constraint)


def follow(grammar: str | None = None, **fields: Any) -> Allowed:
    return Allowed(Grammars(byte_tokenizer).follow(make_context(grammar, **fields)))


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
    contexts = [make_context(choice_grammar(["ab", "cd"])) for _ in range(2)]

    first, second = (Allowed(grammars.follow(context)) for context in contexts)
    assert characters(first.allowed(tokens_of("a"), [])) == "b"
    assert characters(second.allowed(tokens_of("c"), [])) == "d"
    assert grammars.follow(contexts[0]) is first.follower


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


def test_a_grammar_may_begin_after_a_text() -> None:
    """Wherever tokens are cut; what is behind the tag in a token is part of the sentence."""
    waiting = follow(choice_grammar(["yes", "no"]), begins_after=("</t>",))

    assert as_set(waiting.allowed(EMPTY, [END])) == set(range(288)) - {END}
    assert len(as_set(waiting.allowed(tokens_of("hm </t"), [END]))) == 287
    assert characters(waiting.allowed(tokens_of("hm </t>"), [END])) == "ny"
    assert characters(waiting.allowed(tokens_of("hm </t>n"), [END])) == "o"


def test_a_grammar_may_begin_after_a_special_token_and_a_text() -> None:
    waiting = follow(choice_grammar(["yes"]), begins_after=(TAG, "!"))
    text = np.array([ord("!"), TAG, ord("?"), ord("!")])

    assert len(as_set(waiting.allowed(text[:3], [END]))) == 287
    assert characters(waiting.allowed(text, [END])) == "y"


def test_an_answer_may_end_before_a_grammar_that_is_not_required() -> None:
    context = make_context(choice_grammar(["x"]), begins_after=("<",), is_required=False)
    follower = Grammars(byte_tokenizer).follow(context)

    assert follower.allowed(tokens_of("text"), [END]) is None
    assert Allowed(follower).allowed(tokens_of("text<"), [END]) is not None


def test_an_answer_may_open_with_a_token_and_wait_then() -> None:
    fields = {"begins_after": ("/",), "opening": TAG}
    follower = follow(choice_grammar(["yes"]), **fields)

    assert as_set(follower.allowed(EMPTY, [END])) == {TAG, ord("y")}
    assert len(as_set(follower.allowed(np.array([TAG, 65]), [END]))) == 287
    assert characters(follower.allowed(np.array([TAG, 65, ord("/")]), [END])) == "y"
    assert as_set(follow(choice_grammar(["yes"]), **fields).allowed(tokens_of("y"), [])) == {101}


def test_a_budget_closes_what_is_open() -> None:
    context = make_context(begins_after=("</t>",), budget=3)
    follower = Grammars(byte_tokenizer).follow(context)

    assert follower.allowed(tokens_of("ab"), [END]) is None
    for length, character in enumerate("</t>"):
        bits = Allowed(follower).allowed(tokens_of("abc" + "</t>"[:length]), [END])
        assert characters(bits) == character
    assert follower.allowed(tokens_of("abc</t>"), [END]) is None


def test_a_budget_may_be_spent_on_the_beginning_of_the_tag() -> None:
    follower = follow(begins_after=("</t>",), budget=3)

    assert characters(follower.allowed(tokens_of("a</"), [END])) == "t"
