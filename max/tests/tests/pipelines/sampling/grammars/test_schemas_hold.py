"""Whatever a model without any sense writes under a schema fits it, once it is finished.

The model here chooses among the tokens that may come, each as likely as any other, and ends where
it may. Schemas are generated, from the keywords that are supported; `jsonschema` is the judge.
"""

# build: size = "medium"

from __future__ import annotations

import json
import random
from importlib.util import find_spec
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
from tests.pipelines.sampling.grammars.generated_schemas import SCHEMAS

MOST_TOKENS = 400
BACKENDS = {
    name: Grammars(byte_tokenizer, name) for name in ("llguidance", "xgrammar") if find_spec(name)
}


def written(grammar: str, seed: int, backend: str) -> str | None:
    """What the model writes; None if it does not find the end in time."""
    chance = random.Random(seed)
    context = TextContext(
        tokens=TokenBuffer([1]), max_length=9, constraint=Constraint(grammar=grammar)
    )
    follower = BACKENDS[backend].follow(context)
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


def hold(schema: dict[str, Any], seed: int, backend: str) -> None:
    grammar = json_grammar(schema)
    try:
        check_grammar(grammar)
    except GrammarError as error:
        # No JSON fits it, and that is said before.
        assert "nsatisfiable" in str(error), error
        return
    if (text := written(grammar, seed, backend)) is not None:
        validator = jsonschema.Draft202012Validator(
            schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
        )
        validator.validate(json.loads(text))


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=60, deadline=None)
@given(schema=SCHEMAS, seed=st.integers(0, 2**32))
def test_finished_answers_fit_their_schemas(
    backend: str, schema: dict[str, Any], seed: int
) -> None:
    hold(schema, seed, backend)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=5000, deadline=None)
@given(schema=SCHEMAS, seed=st.integers(0, 2**32))
def test_finished_answers_fit_many_schemas(backend: str, schema: dict[str, Any], seed: int) -> None:
    hold(schema, seed, backend)


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
