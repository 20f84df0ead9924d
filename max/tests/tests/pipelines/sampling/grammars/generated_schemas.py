"""Schemas made of the keywords that are supported, for hypothesis to draw."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

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
