"""Whatever a model without any sense writes under a schema fits it, once it is finished.

Schemas are generated, from the keywords that are supported.
"""

# build: size = "medium"

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from max.pipelines.sampling.grammars.texts import json_grammar
from tests.pipelines.sampling.grammars.byte_tokens import byte_tokenizer
from tests.pipelines.sampling.grammars.generated_schemas import SCHEMAS
from tests.pipelines.sampling.grammars.senseless_model import BACKENDS, hold


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
