"""Reads a request body into its model and turns pydantic's errors into OpenAI's envelope."""

from __future__ import annotations

import codecs
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    JsonValue,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError, core_schema, from_json

from max.pipelines.config.unavailable import UNAVAILABLE
from max.serve.errors import MAX_VALUE_LENGTH, ApiError, clipped, invalid_value
from max.serve.schemas.unsupported import Unsupported

UNKNOWN_FIELD_HINT = (
    "Check the spelling; a server started with --allow-extra-request-fields ignores unknown fields"
)
# A body has one name wrong or a few, not thousands; each would cost an error.
MAX_UNKNOWN_FIELDS = 64


class RequestModel(BaseModel):
    """Base of all request bodies: exact types, finite numbers, no unknown fields.

    A body has the fields of its entry in `UNAVAILABLE` beside its own.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, accepted in UNAVAILABLE.get(cls.__name__, {}).items():
            cls.__annotations__[name] = Annotated[JsonValue, Unsupported(accepted)]
            setattr(cls, name, None)

    @model_validator(mode="before")
    @classmethod
    def _has_few_unknown_fields(cls, value: Any) -> Any:
        most = len(cls.model_fields) + MAX_UNKNOWN_FIELDS
        if isinstance(value, dict) and len(value) > most:
            raise PydanticCustomError(
                "too_many_fields", "Input should have at most {limit} fields", {"limit": most}
            )
        return value


class ClientModel(RequestModel):
    """Base of what official clients write: answers that are sent back, whole requests.

    Unknown fields are refused unless they are null, which is how clients write what they have no
    value for.
    """

    model_config = ConfigDict(json_schema_extra={"additionalProperties": {"type": "null"}})

    @model_validator(mode="before")
    @classmethod
    def _forget_empty_fields(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {n: v for n, v in value.items() if v is not None or n in cls.model_fields}


@dataclass(frozen=True)
class Items:
    """Bounds a list or an object in length before anything in it is looked at.

    What is wrong with its first items is told, not what is wrong with all of them.
    """

    most: int

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        schema = handler(source)
        if schema["type"] == "list":
            schema = {**schema, "fail_fast": True}
        return core_schema.no_info_before_validator_function(self._check, schema)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        described = handler(schema)
        bound = "maxItems" if described.get("type") == "array" else "maxProperties"
        return {**described, bound: self.most}

    def _check(self, value: Any) -> Any:
        if isinstance(value, list | dict) and len(value) > self.most:
            raise PydanticCustomError(
                "too_long", "Input should have at most {limit} items", {"limit": self.most}
            )
        return value


RequestT = TypeVar("RequestT", bound=RequestModel)


def parse_request(model: type[RequestT], body: bytes, *, allow_extra_fields: bool) -> RequestT:
    """Validates a JSON body.

    Args:
        model: What the body should be.
        body: The bytes received.
        allow_extra_fields: Ignore unknown fields instead of refusing them.

    Raises:
        ApiError: 400 that names the first offending field in `param`.
    """
    try:
        # Some clients begin JSON with a byte order mark, which RFC 8259 lets a reader ignore.
        text = body.removeprefix(codecs.BOM_UTF8)
        return model.model_validate_json(text, extra="ignore" if allow_extra_fields else None)
    except ValidationError as error:
        details = error.errors(include_url=False)
        # There are few, as lists stop at their first (`Items`).
        # Of a union's branches, the one that got deepest is the one that was meant.
        raise _describe(max(details, key=_depth)) from error


def make_request(model: type[RequestT], fields: Mapping[str, Any]) -> RequestT:
    """The request of another form as one of this model.

    Raises:
        ApiError: As `parse_request`.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise _describe(max(details, key=_depth)) from error


def has_field(body: bytes, name: str) -> bool:
    """Whether a body is a JSON object with that field: what tells two kinds of request apart."""
    try:
        value = from_json(body.removeprefix(codecs.BOM_UTF8))
    except ValueError:
        return False
    return isinstance(value, dict) and name in value


def _depth(detail: ErrorDetails) -> tuple[int, bool]:
    """How far a branch got; of those as far, a list that is too long was meant as a list."""
    return len(detail["loc"]), detail["type"] == "too_long"


def _describe(detail: ErrorDetails) -> ApiError:
    param = _path(detail["loc"])
    match detail["type"]:
        case "json_invalid":
            return invalid_value(
                "We could not parse the JSON body of your request."
                f" {detail['msg']}. The API expects a JSON object",
                code="invalid_json",
            )
        case "model_type" | "model_attributes_type" if param is None:
            return invalid_value(
                f"The request body must be a JSON object, got {_shown(detail['input'])}",
                code="invalid_type",
            )
        case "missing":
            return invalid_value(
                f"Missing required parameter: '{param}'", param, "missing_required_parameter"
            )
        case "extra_forbidden":
            return invalid_value(
                f"Unrecognized request argument supplied: {param}. {UNKNOWN_FIELD_HINT}",
                param,
                "unknown_parameter",
            )
        case "unsupported":
            return invalid_value(f"'{param}': {detail['msg']}", param, "unsupported_parameter")
        case kind:
            code = "invalid_type" if kind.endswith("_type") else "invalid_value"
            return invalid_value(
                f"Invalid value for {repr(param) if param else 'the request body'}:"
                f" {_lower_first(detail['msg'])}, got {_shown(detail['input'])}",
                param,
                code,
            )


def _path(location: tuple[int | str, ...]) -> str | None:
    """`("messages", 0, "content")` as `messages[0].content`, without pydantic's union tags."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part != "str" and "[" not in part and not part[:1].isupper():
            path += f".{part}" if path else part
    return path or None


def _shown(value: object) -> str:
    if isinstance(value, str):
        return clipped(repr(value[: MAX_VALUE_LENGTH + 1]))
    return clipped(reprlib.repr(value))


def _lower_first(message: str) -> str:
    return message[:1].lower() + message[1:]
