"""JSON schemas of request models (pydantic) and answers (msgspec)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from pydantic.json_schema import models_json_schema

from max.serve.schemas.validation import RequestModel

_PREFIX = "#/components/schemas/"


def reference_to(type_: type) -> str:
    """Where the document has the schema of a type."""
    return _PREFIX + type_.__name__


def component_schemas(
    *,
    requests: Sequence[type[RequestModel]],
    answers: Sequence[type[msgspec.Struct]],
    allow_extra_fields: bool,
) -> dict[str, Any]:
    """The schemas of all types and of what they are made of, by name.

    Args:
        requests: Types of request bodies.
        answers: Types of answers and events.
        allow_extra_fields: Whether requests may have fields that the schemas do not know.
    """
    _, definitions = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(requests)],
        ref_template=_PREFIX + "{model}",
    )
    of_requests: dict[str, Any] = definitions["$defs"]
    if allow_extra_fields:
        for schema in of_requests.values():
            schema.pop("additionalProperties", None)
    _, of_answers = msgspec.json.schema_components(
        dict.fromkeys(answers), ref_template=_PREFIX + "{name}"
    )
    return of_requests | of_answers
