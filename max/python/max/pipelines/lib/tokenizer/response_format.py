"""OpenAI's `response_format`, for requests that are made in Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.context import Constraint, InputError
from max.pipelines.sampling.grammars.texts import (
    GrammarError,
    check_grammar,
    json_grammar,
    object_schema,
)


def constraint_of_format(response_format: Mapping[str, Any] | None) -> Constraint | None:
    """What an answer of this format may consist of.

    Raises:
        InputError: If the format is neither text nor JSON, or its schema cannot be compiled.
    """
    kind = (response_format or {"type": "text"}).get("type")
    if response_format is None or kind == "text":
        return None
    if kind not in ("json_object", "json_schema"):
        raise InputError(
            f"response_format has type {kind!r}; allowed is 'text', 'json_object' and"
            " 'json_schema'.",
            param="response_format",
        )
    try:
        described = response_format.get("json_schema") if kind == "json_schema" else {}
        schema = object_schema((described or {}).get("schema") or {"type": "object"})
        grammar = json_grammar(schema)
        check_grammar(grammar)
    except GrammarError as error:
        raise InputError(
            f"JSON schema cannot be compiled to valid grammar: {error}.", param="response_format"
        ) from error
    return Constraint(grammar=grammar)
