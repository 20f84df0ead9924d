"""Schemas in the shapes of the public JSON Schema Test Suite, draft 2020-12, keyword by keyword.

https://github.com/json-schema-org/JSON-Schema-Test-Suite: written after it, not copied from it.
"""

from __future__ import annotations

from typing import Any

NUMBER: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": 9}
WORD: dict[str, Any] = {"type": "string", "maxLength": 3}
TWO: dict[str, Any] = {"foo": NUMBER, "bar": WORD}


def _object(**keywords: Any) -> dict[str, Any]:
    return {"type": "object", **keywords}


def _array(**keywords: Any) -> dict[str, Any]:
    return {"type": "array", "maxItems": 4, **keywords}


SHAPES: dict[str, Any] = {
    "additionalProperties false": _object(properties=TWO, additionalProperties=False),
    "additionalProperties schema": _object(properties=TWO, additionalProperties=NUMBER),
    "additionalProperties alone": _object(additionalProperties=WORD),
    "additionalProperties beside patternProperties": _object(
        properties={"foo": NUMBER}, patternProperties={"^v": WORD}, additionalProperties=False
    ),
    "allOf": {"allOf": [_object(properties={"foo": NUMBER}, required=["foo"]), _object()]},
    "allOf of two": {
        "allOf": [
            _object(properties={"foo": NUMBER}, required=["foo"]),
            _object(properties={"bar": WORD}, required=["bar"]),
        ]
    },
    "allOf with base": _object(
        properties={"foo": NUMBER}, allOf=[{"properties": {"bar": WORD}, "required": ["bar"]}]
    ),
    "allOf with a false schema": {"allOf": [True, False]},
    "allOf of bounds": {"type": "integer", "allOf": [{"maximum": 30}, {"minimum": 20}]},
    "$anchor": {"$ref": "#here", "$defs": {"a": {"$anchor": "here", **NUMBER}}},
    "anyOf": {"anyOf": [NUMBER, {"type": "string", "minLength": 2, "maxLength": 4}]},
    "anyOf with base": {"type": "string", "maxLength": 4, "anyOf": [{"minLength": 2}, {}]},
    "anyOf with booleans": {"anyOf": [NUMBER, False]},
    "boolean true": _object(properties={"a": True}, additionalProperties=False),
    "boolean false": _object(properties={"a": False}, additionalProperties=False),
    "const": {"const": 2},
    "const object": {"const": {"foo": "bar", "baz": [1, None]}},
    "const false is not 0": {"const": False},
    "contains": _array(contains={"minimum": 5}),
    "minContains": _array(contains=NUMBER, minContains=2),
    "contentEncoding": {"type": "string", "contentEncoding": "base64"},
    "contentMediaType": {"type": "string", "contentMediaType": "application/json"},
    "default": _object(properties={"foo": {**NUMBER, "default": 3}}, additionalProperties=False),
    "defs": {"$ref": "#/$defs/a/$defs/b", "$defs": {"a": {"$defs": {"b": NUMBER}}}},
    "dependentRequired": _object(properties=TWO, dependentRequired={"bar": ["foo"]}),
    "dependentSchemas": _object(properties=TWO, dependentSchemas={"bar": {"required": ["foo"]}}),
    "dependencies": _object(properties=TWO, dependencies={"bar": ["foo"]}),
    "$dynamicRef": _object(properties={"a": {"$dynamicRef": "#node"}}),
    "enum": {"enum": [1, 2, 3]},
    "enum of any types": {"enum": [6, "foo", [], True, {"foo": 12}]},
    "enum with escapes": {"enum": ["foo\nbar", "foo\rbar", '"\\']},
    "enum with a type": {"type": "string", "enum": ["a", 1, None]},
    "exclusiveMaximum": {"type": "number", "minimum": 0, "exclusiveMaximum": 3},
    "exclusiveMinimum": {"type": "integer", "exclusiveMinimum": 1, "maximum": 5},
    "format ipv4": {"type": "string", "format": "ipv4"},
    "format idn-email": {"type": "string", "format": "idn-email"},
    "format uri": {"type": "string", "format": "uri"},
    "if then else": {"type": "integer", "if": {"maximum": 0}, "then": {"minimum": -10}},
    "if alone": {"type": "integer", "if": {"maximum": 0}},
    "items": _array(items=NUMBER),
    "items false": _array(items=False),
    "items after prefixItems": _array(prefixItems=[WORD], items=NUMBER),
    "nested items": _array(items=_array(items=NUMBER)),
    "maxItems": {"type": "array", "maxItems": 2},
    "maxLength counts characters": {"type": "string", "maxLength": 2},
    "maxProperties": _object(additionalProperties=NUMBER, maxProperties=2),
    "maximum with decimals": {"type": "number", "minimum": 0, "maximum": 3.5},
    "minItems": _array(items=NUMBER, minItems=2),
    "minLength": {"type": "string", "minLength": 2, "maxLength": 5},
    "minProperties": _object(additionalProperties=NUMBER, minProperties=1),
    "multipleOf": {"type": "integer", "multipleOf": 3, "minimum": 0, "maximum": 99},
    "multipleOf a decimal": {"type": "number", "multipleOf": 0.5, "minimum": 0, "maximum": 9},
    "not": {"type": "integer", "not": {"multipleOf": 2}},
    "not in a property": _object(properties={"a": {"not": {"type": "string"}}}),
    "oneOf": {"oneOf": [NUMBER, {"type": "string", "maxLength": 2}]},
    "oneOf that overlap": {"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 2}]},
    "oneOf by required": _object(
        properties=TWO, oneOf=[{"required": ["foo"]}, {"required": ["bar"]}]
    ),
    "pattern": {"type": "string", "pattern": "^a*$", "maxLength": 4},
    "pattern that is not anchored": {"type": "string", "pattern": "b+"},
    "patternProperties": _object(patternProperties={"^f.o$": NUMBER}, additionalProperties=False),
    "prefixItems": _array(prefixItems=[NUMBER, WORD], minItems=2),
    "prefixItems without more": _array(prefixItems=[NUMBER, WORD], items=False),
    "properties with escapes": _object(
        properties={'foo"bar': NUMBER, "foo\\bar": NUMBER, "foo\tbar": NUMBER},
        required=['foo"bar', "foo\\bar", "foo\tbar"],
        additionalProperties=False,
    ),
    "properties named as keywords": _object(
        properties={"$ref": WORD, "type": WORD}, additionalProperties=False
    ),
    "propertyNames": _object(propertyNames={"maxLength": 3}, additionalProperties=NUMBER),
    "$ref to the root": _object(properties={"foo": {"$ref": "#"}}, additionalProperties=False),
    "$ref with siblings": _object(
        properties={"foo": {"$ref": "#/$defs/a", "maximum": 3}},
        additionalProperties=False,
        **{"$defs": {"a": NUMBER}},
    ),
    "$ref escaped": _object(
        properties={"t": {"$ref": "#/$defs/a~1b"}}, **{"$defs": {"a/b": NUMBER}}
    ),
    "$ref by $id": {"$ref": "urn:x", "$defs": {"a": {"$id": "urn:x", **NUMBER}}},
    "$ref to elsewhere": {"$ref": "https://json-schema.org/draft/2020-12/schema"},
    "required": _object(properties=TWO, required=["foo"], additionalProperties=False),
    "required without properties": _object(required=["foo"], additionalProperties=NUMBER),
    "type list": {"type": ["integer", "null"]},
    "type list with an object": {"type": ["object", "string"], "maxLength": 3},
    "integers may be written as floats": {"type": "integer"},
    "unevaluatedItems": _array(prefixItems=[WORD], unevaluatedItems=False),
    "unevaluatedProperties": _object(properties=TWO, unevaluatedProperties=False),
    "uniqueItems": _array(items=NUMBER, uniqueItems=True),
    "uniqueItems false": _array(items=NUMBER, uniqueItems=False),
    "$vocabulary": {"$schema": "https://json-schema.org/draft/2020-12/schema", **NUMBER},
    "readOnly": {**NUMBER, "readOnly": True},
    "unknown keyword": {**NUMBER, "unknownKeyword": True},
}
