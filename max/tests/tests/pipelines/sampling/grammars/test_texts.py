"""Tests of `max.pipelines.sampling.grammars.texts`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from max.pipelines.sampling.grammars.texts import (
    MOST_COMPILING_S,
    MOST_GENERATED_CHARACTERS,
    MOST_LINES,
    MOST_REFERENCES,
    GrammarError,
    Structure,
    check_grammar,
    choice_grammar,
    json_grammar,
    object_schema,
    regex_grammar,
    tagged_grammar,
    written_grammar,
)
from tests.pipelines.sampling.grammars.byte_tokens import TAG, byte_tokenizer

# Texts are read as tokens of bytes; this one stands for the special token.
TAG_TEXT = "<tag>"


def accepts(grammar: str, text: str) -> bool:
    """Whether the text is a sentence of the grammar."""
    from llguidance import LLMatcher

    check_grammar(grammar)
    matcher = LLMatcher(byte_tokenizer(), grammar, log_level=0)
    tokens: list[int] = []
    for number, part in enumerate(text.split(TAG_TEXT)):
        tokens += ([TAG] if number else []) + list(part.encode())
    return matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()


PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "maximum": 9}},
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ('{"name": "Tom", "age": 5}', True),
        ('{"name":"Tom"}', True),
        ('{\n  "name": "Tom"\n}', True),
        ('{"name": "Tom", "age": 10}', False),
        ('{"age": 5}', False),
        ('{"name": "Tom"} ', False),
        (' {"name": "Tom"}', False),
        ('{   "name": "Tom"}', False),
    ],
)
def test_json_follows_its_schema(text: str, fits: bool) -> None:
    assert accepts(json_grammar(PERSON), text) is fits


def test_whitespace_is_as_asked_for() -> None:
    assert not accepts(json_grammar(PERSON, flexible=False), '{\n"name":"Tom"}')
    assert accepts(json_grammar(PERSON, whitespace=r"~?"), '{~"name":~"Tom"}')


def test_schemas_may_refer_to_themselves() -> None:
    tree = {"type": "object", "properties": {"child": {"$ref": "#"}}, "additionalProperties": False}

    assert accepts(json_grammar(tree), '{"child": {"child": {}}}')


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"not": {}}, "not"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"type": "array", "contains": {}}, "contains"),
        ({"if": {}, "then": {}}, "then"),
        ({"dependentRequired": {}}, "dependentRequired"),
        ({"unevaluatedProperties": False}, "unevaluatedProperties"),
        ({"format": "fax", "type": "string"}, "fax"),
        ({"type": "string", "pattern": "(?=a)"}, "look-around"),
        ({"$ref": "http://example.com/schema"}, "http://example.com/schema"),
        ({"type": "thing"}, "thing"),
    ],
)
def test_what_is_not_supported_is_named(schema: dict[str, Any], named: str) -> None:
    with pytest.raises(GrammarError, match=named):
        check_grammar(json_grammar({"type": "object", "properties": {"a": schema}}))


def test_options_of_the_engine_are_no_part_of_a_schema() -> None:
    """Among them is one that ignores unsupported keywords."""
    with pytest.raises(GrammarError, match="x-guidance"):
        json_grammar({"type": "object", "x-guidance": {"lenient": True}})


def test_chains_of_references_have_an_end() -> None:
    chain = {str(i): {"$ref": f"#/$defs/{i + 1}"} for i in range(MOST_REFERENCES)}

    with pytest.raises(GrammarError, match=r"\$ref"):
        json_grammar({"$ref": "#/$defs/0", "$defs": chain})


@pytest.mark.parametrize(
    ("depth", "named"), [(100, "recursion"), (1500, "nested"), (100_000, "10000 values")]
)
def test_nested_schemas_have_an_end(depth: int, named: str) -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}

    with pytest.raises(GrammarError, match=named):
        json_grammar(schema)


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"required": [str(n) for n in range(2001)]}, "2000 names"),
        ({"anyOf": [{"required": ["a"] * 1001}] * 2}, "2000 names"),
        ({"enum": [0] * 10_000}, "10000 values"),
        ({"properties": {str(n): {"type": "string"} for n in range(5_000)}}, "10000 values"),
        ({"multipleOf": 1_000_000_007}, "multipleOf is 1000000007"),
        ({"items": [{"multipleOf": 0.123457}]}, "multipleOf"),
    ],
)
def test_what_takes_long_to_compile_is_refused(schema: dict[str, Any], named: str) -> None:
    with pytest.raises(GrammarError, match=named):
        check_grammar(json_grammar({"type": "object", "properties": {"a": schema}}))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "multipleOf": 5_000_000},
        {"type": "number", "multipleOf": 0.0025},
        {"type": "object", "required": [str(n) for n in range(1500)]},
        {"properties": {str(n): {"type": "string"} for n in range(1500)}},
    ],
)
def test_what_is_large_and_quick_to_compile_is_taken(
    schema: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.thread_time", lambda: 0.0)  # as on a fast machine
    check_grammar(json_grammar({"type": "object", "properties": {"a": schema}}))


def test_time_to_compile_is_that_of_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, MOST_COMPILING_S, 0.0, MOST_COMPILING_S + 0.01])
    monkeypatch.setattr("time.thread_time", lambda: next(times))
    check_grammar(regex_grammar("a"))
    with pytest.raises(GrammarError, match="longer than"):
        check_grammar(regex_grammar("a"))


@pytest.mark.parametrize(
    ("given", "type_"),
    [({}, "object"), ({"type": "object"}, "object"), ({"type": ["object", "null"]}, None)],
)
def test_roots_are_objects(given: dict[str, Any], type_: str | None) -> None:
    assert object_schema(given)["type"] == (type_ or given["type"])


@pytest.mark.parametrize("root", ["array", "string", ["null"], 5])
def test_other_roots_are_refused(root: object) -> None:
    with pytest.raises(GrammarError, match="must be 'object'"):
        object_schema({"type": root})


def test_regular_expressions_match_the_whole_answer() -> None:
    grammar = regex_grammar(r"[a-z]+/\d{2}")

    assert accepts(grammar, "ab/12")
    assert not accepts(grammar, "ab/123")


@pytest.mark.parametrize(
    "make",
    [
        regex_grammar,
        check_grammar,
        lambda text: choice_grammar([text]),
        lambda text: json_grammar({"type": "object", "description": text}),
    ],
)
def test_what_is_very_long_is_refused(make: Callable[[str], object]) -> None:
    with pytest.raises(GrammarError, match=f"at most {MOST_GENERATED_CHARACTERS}"):
        make("a" * (MOST_GENERATED_CHARACTERS + 1))


@pytest.mark.parametrize("choice", ["yes", 'say "no"', "grüß\n", ""])
def test_choices_are_taken_as_they_are(choice: str) -> None:
    grammar = choice_grammar(["yes", 'say "no"', "grüß\n", ""])

    assert accepts(grammar, choice)
    assert not accepts(grammar, choice + "!")


@pytest.mark.parametrize(
    "grammar", ['start: "a" NUMBER\nNUMBER: /[0-9]+/', 'root ::= "a" number\nnumber ::= [0-9]+']
)
def test_written_grammars_are_lark_or_gbnf(grammar: str) -> None:
    assert accepts(written_grammar(grammar), "a12")
    assert not accepts(written_grammar(grammar), "b12")


@pytest.mark.parametrize(
    ("grammar", "named"),
    [
        ("start: nowhere", "nowhere"),
        ("select 1", "::="),
        ('start: %json {"type": "object"}', "%json"),
        ("start: " + "(" * 60_000, "nested"),
        ("root ::= " + "(" * 60_000, "recursion"),
        ("\n".join(f"r{i}: r{i + 1}" for i in range(MOST_LINES + 1)), "lines"),
        ("start: " + '"a" ' * 50_000, "characters"),
    ],
    ids=["unknown", "neither", "inner", "nested", "nested gbnf", "long chain", "long"],
)
def test_grammars_that_cannot_be_compiled_say_why(grammar: str, named: str) -> None:
    with pytest.raises(GrammarError, match=named):
        check_grammar(written_grammar(grammar))


STRUCTURE = Structure("<call=f>", {"type": "object"}, "</call>")


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("plain", True),
        ("before <call=f>{}</call> after", True),
        ("<call=f>{}</call><call=f>{}</call>", True),
        ("<call=g>{}</call>", False),
        ("<call=f>5</call>", False),
        ("before <call=f>{}", False),
    ],
)
def test_tagged_parts_follow_their_schemas(text: str, fits: bool) -> None:
    assert accepts(tagged_grammar([STRUCTURE], ["<call="], {}), text) is fits


def test_a_trigger_may_be_a_special_token() -> None:
    structure = Structure(TAG_TEXT + "f", {"type": "object"}, "")
    grammar = tagged_grammar([structure], [TAG_TEXT], {TAG_TEXT: TAG})

    assert accepts(grammar, "text <tag>f{} more")
    assert not accepts(grammar, "text <tag>g{}")


def test_structures_begin_with_a_trigger() -> None:
    with pytest.raises(GrammarError, match="triggers"):
        tagged_grammar([STRUCTURE], ["<other"], {})
