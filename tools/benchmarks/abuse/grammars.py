"""Forms of answers that are hard to compile, or hard to follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools.benchmarks.abuse.abuser import CHAT, COMPLETIONS, PROMPT, TURN, Case, sends


def _nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
    return schema


def _schema(schema: Mapping[str, Any], times: int = 1) -> Case:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": dict(schema)}}
    body = {"model": "demo", "messages": [TURN], "max_tokens": 8, "response_format": form}
    return sends(CHAT, body, times)


def _form(times: int = 1, **form: object) -> Case:
    return sends(COMPLETIONS, {**PROMPT, "max_tokens": 8, **form}, times)


def _different(count: int) -> Case:
    """Schemas of half a megabyte, each another one: what is kept of them is seen."""
    cases = [
        _schema({"type": "object", "properties": {}, "description": str(number) + "a" * 500_000})
        for number in range(count)
    ]

    def run(abuser: Any) -> None:
        for case in cases:
            case(abuser)

    return run


_CYCLE = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/a"}},
    "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
}
_DOUBLING = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/d0"}},
    "$defs": {
        **{
            f"d{i}": {
                "type": "object",
                "properties": {name: {"$ref": f"#/$defs/d{i + 1}"} for name in "ab"},
            }
            for i in range(60)
        },
        "d60": {"type": "string"},
    },
}
_TOOLS = [
    {"type": "function", "function": {"name": f"f{i}", "parameters": _nested(20)}}
    for i in range(128)
]

GRAMMARS: Mapping[str, Case] = {
    "schema: 40,000 properties": _schema(
        {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(40_000)}}
    ),
    "schema: 100,000 values of an enum": _schema(
        {"type": "object", "properties": {"a": {"enum": [f"v{i}" for i in range(100_000)]}}}
    ),
    "schema: 100 deep": _schema(_nested(100)),
    "schema: a cycle": _schema(_CYCLE),
    "schema: 60 references that double": _schema(_DOUBLING),
    "schema: a pattern with large counts": _schema(
        {"type": "object", "properties": {"a": {"pattern": "^(a{1,1000}){1,1000}$"}}}
    ),
    "schema: a million items": _schema(
        {
            "type": "object",
            "properties": {"a": {"type": "array", "minItems": 1_000_000, "items": {}}},
        }
    ),
    "schema: a multiple of 999,983": _schema(
        {
            "type": "object",
            "properties": {"a": {"type": "integer", "multipleOf": 999_983, "maximum": 10**15}},
            "required": ["a"],
        }
    ),
    "schema: 20,000 required names": _schema(
        {"type": "object", "required": [f"a{i}" for i in range(20_000)]}
    ),
    "schema: all of 300": _schema(
        {
            "type": "object",
            "allOf": [{"properties": {f"p{i}": {"pattern": f"a{{{i}}}b*"}}} for i in range(300)],
        }
    ),
    "schema: 15 MB of description": _schema({"type": "object", "description": "a" * 15_000_000}),
    "schema: 100 different ones of 500 KB": _different(100),
    "regex: nested stars": _form(guided_regex="(a*)*" * 200 + "b"),
    "regex: large counts": _form(guided_regex="((a{1,100}){1,100}){1,100}"),
    "regex: 15 MB": _form(guided_regex="ab" * 7_500_000),
    "regex: look-ahead": _form(guided_regex="(?=a+)(?!b)a*" * 100),
    "regex: the n-th character from behind, 8 times": _form(8, guided_regex="(a|b)*a(a|b){18}"),
    "choices: 1,000 of 15 KB": _form(guided_choice=[str(i) + "a" * 15_000 for i in range(1000)]),
    "grammar: ambiguous": _form(guided_grammar='start: x\nx: x x | "a" | x x x\n'),
    "grammar: 15 MB": _form(guided_grammar="start: a\n" + 'a: "b"\n' * 2_000_000),
    "tools: 128 deep ones, one required": sends(
        CHAT,
        {"model": "demo", "messages": [TURN], "tools": _TOOLS, "tool_choice": "required"},
    ),
    "tools: 128 deep ones": sends(CHAT, {"model": "demo", "messages": [TURN], "tools": _TOOLS}),
}
