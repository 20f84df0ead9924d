"""Every shape of the public test suite is either followed, or refused with its keyword named."""

from __future__ import annotations

from typing import Any

import pytest

from max.pipelines.sampling.grammars.texts import GrammarError, check_grammar, json_grammar
from tests.pipelines.sampling.grammars.senseless_model import BACKENDS, hold
from tests.pipelines.sampling.grammars.suite_shapes import SHAPES

# What of each shape the refusal names.
REFUSED = {
    "allOf with a false schema": "schema is false",
    "contains": "contains",
    "minContains": "minContains",
    "dependentRequired": "dependentRequired",
    "dependentSchemas": "dependentSchemas",
    "dependencies": "dependencies",
    "$dynamicRef": "$dynamicRef",
    "format idn-email": "idn-email",
    "if then else": "then",
    "if alone": "if",
    "not": "not",
    "not in a property": "not",
    "oneOf that overlap": "oneOf",
    "oneOf by required": "oneOf",
    "propertyNames": "propertyNames",
    "$ref to elsewhere": "$dynamicAnchor",
    "unevaluatedItems": "unevaluatedItems",
    "unevaluatedProperties": "unevaluatedProperties",
    "uniqueItems": "uniqueItems",
    "uniqueItems false": "uniqueItems",
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", sorted(SHAPES.keys() - REFUSED.keys()))
def test_answers_fit(name: str, backend: str) -> None:
    check_grammar(json_grammar(SHAPES[name]))
    for seed in range(4):
        hold(SHAPES[name], seed, backend)


@pytest.mark.parametrize(("name", "named"), REFUSED.items())
def test_what_is_not_supported_is_named(name: str, named: str) -> None:
    shape: dict[str, Any] = SHAPES[name]
    with pytest.raises(GrammarError) as refused:
        check_grammar(json_grammar(shape))
    assert named in str(refused.value)
