"""Tests of `max.pipelines.sampling.grammars.xgrammar_matcher`."""

# It is imported by name, where it is installed.
# build: deps = ["@pip_dev//:xgrammar"]

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any

import pytest

from max.pipelines.context import Constraint, TextContext, TokenBuffer
from max.pipelines.sampling.grammars.compiled import Grammars
from max.pipelines.sampling.grammars.texts import choice_grammar, json_grammar, regex_grammar
from max.pipelines.sampling.grammars.xgrammar_matcher import (
    XGrammarMatcher,
    make_compiler,
    schema_for,
)
from tests.pipelines.sampling.grammars.byte_tokens import (
    END,
    as_set,
    byte_tokenizer,
    characters,
    tokens_of,
)

is_installed = pytest.mark.skipif(find_spec("xgrammar") is None, reason="needs xgrammar")

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"count": {"type": "integer"}, "kind": {"enum": ["apple", "pear"]}},
    "required": ["count", "kind"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def matcher() -> XGrammarMatcher:
    schema = schema_for(json_grammar(SCHEMA))
    assert schema is not None
    return make_compiler(byte_tokenizer())(schema)


def test_a_schema_is_taken_out_of_its_grammar() -> None:
    assert json.loads(schema_for(json_grammar(SCHEMA)) or "") == SCHEMA


@pytest.mark.parametrize(
    "grammar",
    [
        choice_grammar(["yes"]),
        regex_grammar("a+"),
        json_grammar(SCHEMA, flexible=False),
        json_grammar(SCHEMA, whitespace=" ?"),
        # xgrammar would take any number.
        json_grammar({"type": "object", "properties": {"a": {"type": "number", "multipleOf": 5}}}),
        json_grammar({"type": "array", "items": {"type": "string", "pattern": "^a$"}}),
        json_grammar({"anyOf": [{"type": "string", "format": "date"}]}),
        json_grammar({"type": "object", "additionalProperties": {"allOf": [{}, {}]}}),
        json_grammar({"$ref": "#/$defs/a", "$defs": {"a": {"oneOf": [{}, {}]}}}),
    ],
)
def test_what_it_would_overlook_is_left_to_llguidance(grammar: str) -> None:
    assert schema_for(grammar) is None


@is_installed
def test_it_follows_what_llguidance_follows(matcher: XGrammarMatcher) -> None:
    """One byte more each time: the same may come, whitespace apart."""
    text = '{"count": 12, "kind": "pear"}'
    contexts = [
        TextContext(
            tokens=TokenBuffer([1]),
            max_length=9,
            constraint=Constraint(grammar=json_grammar(SCHEMA)),
        )
        for _ in range(2)
    ]
    backends = ("llguidance", "xgrammar")
    followers = [
        Grammars(byte_tokenizer, backend).follow(context)
        for backend, context in zip(backends, contexts, strict=True)
    ]
    for length in range(len(text) + 1):
        generated = tokens_of(text[:length])
        first, second = (follower.allowed(generated, [END]) for follower in followers)
        assert first is not None
        assert second is not None
        assert characters(first).split() == characters(second).split(), text[:length]
        assert (END in as_set(first)) == (END in as_set(second)) == (length == len(text))


@is_installed
def test_a_copy_goes_its_own_way(matcher: XGrammarMatcher) -> None:
    first, second = matcher.deep_copy(), matcher.deep_copy()

    assert first.consume_tokens(list(b'{"count"'))
    assert second.consume_tokens(list(b'{"count": 1, "kind": "pear"}'))
    assert not first.is_accepting()
    assert second.is_accepting()


@is_installed
def test_a_token_that_does_not_fit_is_an_error(matcher: XGrammarMatcher) -> None:
    lost = matcher.deep_copy()

    assert not lost.consume_tokens(list(b"{5"))
    assert lost.is_error()
    assert "53" in lost.get_error()
    assert lost.deep_copy().is_error()
    assert not matcher.is_error()
