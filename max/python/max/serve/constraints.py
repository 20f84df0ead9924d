"""From the fields of a request to what its answer may consist of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

from max.pipelines.context import Constraint, TextContext
from max.pipelines.sampling.grammars.texts import (
    WHITESPACE,
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
from max.serve.errors import ApiError, invalid_value
from max.serve.schemas.structured import (
    JsonObjectFormat,
    JsonSchemaFormat,
    StructuralTags,
    StructuredFields,
    StructuredOutputs,
)
from max.serve.state import ModelService

# What compiles within its limits takes some milliseconds; this is for a machine that is overrun.
MOST_SECONDS = 10.0
# However many are asked for, no more are compiled at once.
_COMPILING = ThreadPoolExecutor(2, thread_name_prefix="compile-grammar")


async def constraint_of(service: ModelService, body: StructuredFields) -> Constraint | None:
    """What the answer may consist of, as the request's fields say it; None for any text.

    Raises:
        ApiError: 400 if the server was not started for it, if fields contradict each other, or if
            the grammar cannot be compiled.
    """
    fields = body.form_fields()
    if not fields:
        return None
    param, value = next(iter(fields.items()))
    if not service.enable_structured_output:
        raise invalid_value(
            f"{param} requires --enable-structured-output. Restart the server with"
            " --enable-structured-output to allow schema-constrained responses.",
            param,
            "unsupported_parameter",
        )
    if len(fields) > 1:
        raise invalid_value(
            f"{' and '.join(fields)} were given; at most one of them says what form the answer has",
            param,
        )
    return Constraint(grammar=await compiled(lambda: _grammar(service, param, value), param, value))


async def compiled(make: Callable[[], str], param: str, value: object) -> str:
    """As `checked`.

    Args:
        make: Makes the text.
        param: The request's field that asks for it.
        value: What that has.

    Raises:
        ApiError: 400 with what cannot be compiled.
    """
    try:
        return await checked(make)
    except (GrammarError, TimeoutError) as error:
        raise _refused(param, value, error) from error


async def checked(make: Callable[[], str]) -> str:
    """The text of a grammar, once it is known that it can be compiled, while others get their turn.

    Raises:
        GrammarError: It cannot.
        TimeoutError: It takes too long.
    """

    def work() -> str:
        grammar = make()
        _check(grammar)
        return grammar

    compiling = asyncio.get_running_loop().run_in_executor(_COMPILING, work)
    return await asyncio.wait_for(compiling, MOST_SECONDS)


def constrain(context: TextContext, constraint: Constraint) -> None:
    """Gives a new request its constraint, unless its other fields take from it what it needs.

    Raises:
        ApiError: 400 if the answer could not end where the grammar does.
    """
    tracker = context.eos_tracker
    if tracker.min_new_tokens and constraint.is_required and constraint.grammar is not None:
        raise invalid_value(
            "min_tokens cannot be had here: a grammar decides where the answer ends", "min_tokens"
        )
    if not tracker.end_token_ids:
        raise invalid_value(
            "Without an end token the answer cannot end where its grammar does: leave ignore_eos"
            " out, or give stop_token_ids",
            "ignore_eos",
        )
    context.constraint = constraint


@lru_cache(maxsize=64)
def _check(grammar: str) -> None:
    check_grammar(grammar)


def _grammar(service: ModelService, param: str, value: Any) -> str:
    match value:
        case JsonObjectFormat():
            return json_grammar({"type": "object"})
        case JsonSchemaFormat():
            return json_grammar(object_schema(value.json_schema.schema_))
        case StructuralTags():
            structures = [
                Structure(each.begin, each.schema_, each.end) for each in value.structures
            ]
            return tagged_grammar(structures, value.triggers, service.tokenizer.special_tokens)
        case StructuredOutputs():
            return _one_of(service, value)
    return _of_kind(param.removeprefix("guided_"), value)


def _one_of(service: ModelService, forms: StructuredOutputs) -> str:
    """The grammar of `structured_outputs`."""
    given = {
        name.rstrip("_"): value
        for name in ("json_", "regex", "choice", "grammar", "json_object", "structural_tag")
        if (value := getattr(forms, name)) not in (None, False)
    }
    if len(given) != 1:
        raise GrammarError(f"exactly one form must be given, got {', '.join(given) or 'none'}")
    ((kind, value),) = given.items()
    if kind == "structural_tag":
        return _grammar(service, kind, value)
    return _of_kind(
        kind,
        value,
        flexible=not forms.disable_any_whitespace,
        whitespace=WHITESPACE if forms.whitespace_pattern is None else forms.whitespace_pattern,
    )


def _of_kind(kind: str, value: Any, **form: Any) -> str:
    match kind:
        case "json_object":
            return json_grammar({"type": "object"}, **form)
        case "json":
            return json_grammar(_schema(value), **form)
        case "regex":
            return regex_grammar(value)
        case "choice":
            return choice_grammar(value)
    return written_grammar(value)


def _schema(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise GrammarError(f"it is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise GrammarError("it should be an object")
    return value


def _refused(param: str, value: object, error: Exception) -> ApiError:
    detail = str(error) or f"it takes longer than {MOST_SECONDS:g} s"
    detail = detail.rstrip(".")
    if isinstance(value, JsonSchemaFormat | JsonObjectFormat) or "json" in param:
        return ApiError(
            400,
            f"JSON schema cannot be compiled to valid grammar: {detail}. Recursive $ref schemas"
            " and other unsupported constructs are not allowed.",
            param=param,
            code="invalid_json_schema",
        )
    return invalid_value(f"{param} cannot be compiled to a grammar: {detail}", param)
