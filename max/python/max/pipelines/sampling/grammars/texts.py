"""Texts of grammars, in the form that llguidance compiles, and the checks that they pass first.

Its own limits bound the work of compiling and of each mask; the limits here keep its recursion
from running out of stack, at a quarter of where that happens.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from max.pipelines.sampling.grammars.dates import with_real_dates

if TYPE_CHECKING:
    from llguidance import LLTokenizer

MOST_REFERENCES = 200
MOST_LINES = 500
MOST_CHARACTERS = 1 << 16
# Of what is not written by hand: schemas, choices, regular expressions.
MOST_GENERATED_CHARACTERS = 1 << 18
# Keywords and values of a schema; names that are required take longer the more there are.
MOST_VALUES = 10_000
MOST_REQUIRED = 2000
# Without zeros at its end: an automaton has as many states.
MOST_MULTIPLE = 100_000
# Seconds of a processor. The worker compiles it once more, and its steps may wait for that.
MOST_COMPILING_S = 0.4
# Whitespace of JSON where it is not asked for in another form: what those who print it write. Were
# there no end to it, a model that has lost its way would write nothing else.
WHITESPACE = r"( |\n[ \t]{0,40})?"
_SPECIAL_TOKEN = re.compile(r"<\[\d+\]>")
_INNER_GRAMMARS = re.compile("%(json|lark)")
ANY_TEXT = r"TEXT: /(.|\n)*/"


class GrammarError(ValueError):
    """A grammar cannot be compiled; the message says what of it."""


class Structure(NamedTuple):
    """Part of an answer that follows a schema: from `begin`, starting with a trigger, to `end`."""

    begin: str
    schema: Mapping[str, Any]
    end: str


def json_grammar(
    schema: Mapping[str, Any], *, whitespace: str = WHITESPACE, flexible: bool = True
) -> str:
    """JSON that fits a schema.

    Args:
        schema: The schema.
        whitespace: A regular expression of what may stand between tokens.
        flexible: Whether whitespace may stand there at all.

    Raises:
        GrammarError: If it is too long, has too many references, or options of the engine's.
    """
    from llguidance import LLMatcher

    if "x-guidance" in schema:
        raise GrammarError("'x-guidance' is not allowed in it")
    _check_work(schema)
    try:
        text = _bounded(json.dumps(with_real_dates(schema)))
        if text.count('"$ref"') > MOST_REFERENCES:
            raise GrammarError(f"more than {MOST_REFERENCES} times $ref")
        options: Any = {"whitespace_flexible": flexible}
        if flexible:
            options["whitespace_pattern"] = whitespace
    except RecursionError as error:
        raise GrammarError("it is too deeply nested") from error
    try:
        return LLMatcher.grammar_from_json_schema(text, overrides=options)
    except ValueError as error:  # Its parser has a limit of its own.
        raise GrammarError(str(error)) from error


def object_schema(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of an answer that is an object: a root that leaves its type open is one.

    Raises:
        GrammarError: If the root is of another type.
    """
    root = schema.get("type")
    if root is None:
        return {**schema, "type": "object"}
    if root != "object" and not (isinstance(root, list) and "object" in root):
        raise GrammarError(f"its root has the type {root!r}; it must be 'object'")
    return schema


def regex_grammar(pattern: str) -> str:
    """Text that a regular expression matches as a whole.

    Raises:
        GrammarError: If it is too long.
    """
    from llguidance import LLMatcher

    return LLMatcher.grammar_from_regex(_bounded(pattern))


def choice_grammar(choices: Sequence[str]) -> str:
    """One of some texts.

    Raises:
        GrammarError: If they are too long.
    """
    return _bounded("start: " + " | ".join(quoted(choice) for choice in choices))


def written_grammar(text: str) -> str:
    """A grammar that a user wrote, in the form of Lark or of GBNF.

    Raises:
        GrammarError: If it is too long, or has a grammar of another form inside.
    """
    from llguidance.gbnf_to_lark import GbnfToLarkError, any_to_lark

    if text.count("\n") >= MOST_LINES or len(text) > MOST_CHARACTERS:
        raise GrammarError(f"it has more than {MOST_LINES} lines or {MOST_CHARACTERS} characters")
    if found := _INNER_GRAMMARS.search(text):
        raise GrammarError(f"{found.group()} is not allowed in it")
    try:
        return str(any_to_lark(text))
    except (GbnfToLarkError, ValueError, LookupError, AssertionError, RecursionError) as error:
        raise GrammarError(str(error)) from error


def tagged_grammar(
    structures: Sequence[Structure], triggers: Sequence[str], special_tokens: Mapping[str, int]
) -> str:
    """Any text, in which whatever begins with a trigger is one of the structures.

    Args:
        structures: What may stand in the text.
        triggers: The texts that only occur where a structure begins.
        special_tokens: Those of the tokenizer, which no text stands for.

    Raises:
        GrammarError: If a structure begins without a trigger, or as `json_grammar`.
    """
    rules = []
    for number, (begin, schema, end) in enumerate(structures):
        trigger = next((each for each in triggers if begin.startswith(each)), None)
        if not trigger:
            raise GrammarError(f"the begin {begin!r} starts with none of the triggers")
        checked = json.dumps(json.loads(json_grammar(schema))["grammars"][0]["json_schema"])
        rest = f"{quoted(begin[len(trigger) :])} %json {checked} {quoted(end)}"
        if trigger in special_tokens:
            rules += [f"tag_{number}: TEXT <[{special_tokens[trigger]}]> {rest}"]
        else:
            rules += [
                f"begin_{number}[lazy]: TEXT {quoted(trigger)}",
                f"tag_{number}: begin_{number} {rest}",
            ]
    tags = " | ".join(f"tag_{number}" for number in range(len(structures)))
    return "\n".join(["%llguidance {}", f"start: ({tags})* TEXT", *rules, ANY_TEXT])


def _check_work(schema: Mapping[str, Any]) -> None:
    """Refuses what would take long to compile."""
    rest: list[Any] = [schema]
    values = required = 0
    while rest:
        part = rest.pop()
        if isinstance(part, Mapping):
            names, multiple = part.get("required"), part.get("multipleOf")
            required += len(names) if isinstance(names, list) else 0
            if isinstance(multiple, int | float) and _significant(multiple) > MOST_MULTIPLE:
                raise GrammarError(
                    f"multipleOf is {multiple}; it may have the digits of {MOST_MULTIPLE} at most"
                )
            rest += part.values()
        elif isinstance(part, list):
            rest += part
        values += 1
        if values > MOST_VALUES or required > MOST_REQUIRED:
            raise GrammarError(
                f"it has more than {MOST_VALUES} values, or {MOST_REQUIRED} names of 'required'"
            )


def _significant(number: float) -> int:
    """A number's digits, without zeros at its end."""
    digits = Decimal(str(number)).normalize().as_tuple().digits
    return int("".join(map(str, digits)))


def _bounded(text: str) -> str:
    if len(text) > MOST_GENERATED_CHARACTERS:
        raise GrammarError(
            f"it has {len(text)} characters; at most {MOST_GENERATED_CHARACTERS} are allowed"
        )
    return text


def quoted(text: str) -> str:
    """A text as grammars write it."""
    return json.dumps(text) if text else '""'


def check_grammar(grammar: str) -> None:
    """Compiles a grammar and throws the result away.

    Raises:
        GrammarError: With what is wrong, or what is not supported of it.
    """
    from llguidance import LLMatcher

    _bounded(grammar)
    is_error, messages = LLMatcher.validate_grammar_with_warnings(grammar)
    if is_error:
        raise GrammarError(messages[0].strip())
    # Checking finds no work that building the automata takes; it is the same for all tokenizers.
    began = time.thread_time()
    LLMatcher(_bytes_alone(), _SPECIAL_TOKEN.sub("<[0]>", grammar), log_level=0)
    if time.thread_time() - began > MOST_COMPILING_S:
        raise GrammarError(f"it takes longer than {MOST_COMPILING_S:g} s to compile")


@cache
def _bytes_alone() -> LLTokenizer:
    """A tokenizer whose tokens are bytes."""
    from llguidance import LLTokenizer

    return LLTokenizer("byte")
