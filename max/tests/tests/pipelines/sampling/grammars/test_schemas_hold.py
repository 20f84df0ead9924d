"""Whatever a model without any sense writes under a schema fits it, once it is finished.

The model here chooses among the tokens that may come, each as likely as any other, and ends where
it may. Schemas are generated, from the keywords that are supported; `jsonschema` is the judge.
"""

# build: size = "medium"

from __future__ import annotations

import json
import random
from typing import Any

import jsonschema
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from max.pipelines.context import Constraint, TextContext, TokenBuffer
from max.pipelines.sampling.grammars.compiled import Grammars
from max.pipelines.sampling.grammars.masks import mask_logits
from max.pipelines.sampling.grammars.texts import GrammarError, check_grammar, json_grammar
from tests.pipelines.sampling.grammars.byte_tokens import END, NUM_TOKENS, byte_tokenizer

MOST_TOKENS = 400
GRAMMARS = Grammars(byte_tokenizer)

NAMES = st.sampled_from(["a", "b", "long name", "grüß"])
SMALL = st.integers(0, 4)


def bounded(low: str, high: str, numbers: st.SearchStrategy[int] = SMALL) -> Any:
    """Two limits in their order, either of which may be missing."""
    pairs = st.tuples(numbers, numbers).map(sorted)
    return st.tuples(pairs, st.booleans(), st.booleans()).map(
        lambda drawn: (
            ({low: drawn[0][0]} if drawn[1] else {}) | ({high: drawn[0][1]} if drawn[2] else {})
        )
    )


def merged(*parts: Any) -> Any:
    return st.tuples(*parts).map(lambda drawn: {k: v for part in drawn for k, v in part.items()})


def typed(kind: str, *keywords: Any) -> Any:
    return merged(st.just({"type": kind}), *keywords)


SCALARS = st.one_of(
    st.just({"type": "null"}),
    st.just({"type": "boolean"}),
    typed("integer", bounded("minimum", "maximum", st.integers(-200, 200))),
    typed("integer", bounded("exclusiveMinimum", "exclusiveMaximum", st.sampled_from([-9, 0, 9]))),
    typed("number", bounded("minimum", "maximum", st.integers(-9, 99))),
    st.builds(lambda n: {"type": "integer", "multipleOf": n}, st.integers(1, 12)),
    typed("string", bounded("minLength", "maxLength")),
    st.builds(
        lambda p: {"type": "string", "pattern": p},
        st.sampled_from(["^a+$", "x", r"^\d{2}-[a-c]*$"]),
    ),
    st.builds(
        lambda f: {"type": "string", "format": f},
        st.sampled_from(["date", "time", "date-time", "ipv4", "ipv6", "uuid", "email"]),
    ),
    st.builds(
        lambda v: {"enum": v},
        st.lists(st.one_of(st.none(), st.booleans(), SMALL, NAMES), min_size=1, max_size=3),
    ),
    st.builds(lambda v: {"const": v}, st.one_of(SMALL, NAMES, st.just({"a": [1]}))),
)


def compounds(inner: Any) -> Any:
    properties = st.dictionaries(NAMES, inner, max_size=3)
    objects = properties.flatmap(
        lambda each: st.builds(
            lambda required, more: {
                "type": "object",
                "properties": each,
                "required": required,
                "additionalProperties": more,
            },
            st.lists(st.sampled_from(sorted(each)), unique=True) if each else st.just([]),
            st.one_of(st.booleans(), inner),
        )
    )
    arrays = typed("array", inner.map(lambda i: {"items": i}), bounded("minItems", "maxItems"))
    tuples = st.lists(inner, min_size=1, max_size=2).map(
        lambda each: {"type": "array", "prefixItems": each, "items": False}
    )
    either = st.lists(inner, min_size=1, max_size=3).map(lambda each: {"anyOf": each})
    shared = inner.map(
        lambda i: {
            "type": "object",
            "properties": {"one": {"$ref": "#/$defs/shared"}},
            "additionalProperties": False,
            "$defs": {"shared": i},
        }
    )
    return st.one_of(objects, arrays, tuples, either, shared.filter(_has_no_references_inside))


def _has_no_references_inside(schema: dict[str, Any]) -> bool:
    """References are from the root, so a schema that has some can only be the root."""
    return "$ref" not in json.dumps(schema["$defs"])


SCHEMAS = st.recursive(SCALARS, compounds, max_leaves=5).filter(
    lambda schema: "$ref" not in json.dumps(schema) or "$defs" in schema
)


def written(grammar: str, seed: int) -> str | None:
    """What the model writes; None if it does not find the end in time."""
    chance = random.Random(seed)
    context = TextContext(
        tokens=TokenBuffer([1]), max_length=9, constraint=Constraint(grammar=grammar)
    )
    follower = GRAMMARS.follow(context)
    tokens: list[int] = []
    while len(tokens) < MOST_TOKENS:
        generated = torch.tensor(tokens, dtype=torch.int64).numpy()
        row = torch.zeros(NUM_TOKENS)
        bits = follower.allowed(generated, [END])
        assert bits is not None
        mask_logits(row, bits)
        allowed = row.isfinite().nonzero().flatten().tolist()
        assert allowed, f"nothing may come after {bytes(tokens)!r}"
        if END in allowed and (len(allowed) == 1 or chance.random() < 0.3):
            return bytes(tokens).decode()
        tokens.append(chance.choice([token for token in allowed if token != END]))
    return None


def hold(schema: dict[str, Any], seed: int) -> None:
    grammar = json_grammar(schema)
    try:
        check_grammar(grammar)
    except GrammarError as error:
        # No JSON fits it, and that is said before.
        assert "nsatisfiable" in str(error), error
        return
    if (text := written(grammar, seed)) is not None:
        validator = jsonschema.Draft202012Validator(
            schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
        )
        validator.validate(json.loads(text))


@settings(max_examples=60, deadline=None)
@given(schema=SCHEMAS, seed=st.integers(0, 2**32))
def test_finished_answers_fit_their_schemas(schema: dict[str, Any], seed: int) -> None:
    hold(schema, seed)


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(max_examples=5000, deadline=None)
@given(schema=SCHEMAS, seed=st.integers(0, 2**32))
def test_finished_answers_fit_many_schemas(schema: dict[str, Any], seed: int) -> None:
    hold(schema, seed)


NESTED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 0, "maximum": 10**6},
        "name": {"type": "string", "maxLength": 30},
        "tags": {"type": "array", "items": {"enum": ["x", "y"]}, "maxItems": 3},
        "where": {
            "type": "object",
            "properties": {"lat": {"type": "integer"}, "lon": {"type": "integer"}},
            "required": ["lat", "lon"],
            "additionalProperties": False,
        },
    },
    "required": ["id", "name", "tags", "where"],
    "additionalProperties": False,
}


VALUES = st.builds(
    lambda number, name, tags, lat, lon: {
        "id": number,
        "name": name,
        "tags": tags,
        "where": {"lat": lat, "lon": lon},
    },
    st.integers(0, 10**6),
    st.text(max_size=30),
    st.lists(st.sampled_from(["x", "y"]), max_size=3),
    st.integers(),
    st.integers(),
)


@settings(max_examples=40, deadline=None)
@given(value=VALUES, indent=st.sampled_from([None, 2, 4]))
def test_what_fits_may_be_written(value: dict[str, Any], indent: int | None) -> None:
    """The grammar takes nothing away: in the schema's order, as `json.dumps` writes it."""
    from llguidance import LLMatcher

    text = json.dumps(value, indent=indent, ensure_ascii=False)
    tokens = list(text.encode())
    matcher = LLMatcher(byte_tokenizer(), json_grammar(NESTED), log_level=0)

    assert matcher.try_consume_tokens(tokens) == len(tokens), text
    assert matcher.is_accepting()
