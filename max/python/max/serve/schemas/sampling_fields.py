"""Request fields that both completion endpoints share."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, JsonValue, WithJsonSchema, field_validator
from pydantic_core import PydanticCustomError

from max.serve.errors import clipped
from max.serve.schemas.structured import StructuredFields
from max.serve.schemas.validation import Items, RequestModel

# At most ten digits: no vocabulary is near that, and larger numbers do not fit everywhere.
TOKEN_ID = re.compile(r"[0-9]{1,10}")
MAX_CHOICES = 128
MAX_STOP_STRINGS = 16
MAX_STOP_LENGTH = 4096
MAX_STOP_TOKENS = 1024
MAX_BIASES = 16_384
MAX_LABELS = 64
MAX_LABEL_LENGTH = 4096
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
INT32_MAX = 2**31 - 1

Label = Annotated[str, Field(max_length=MAX_LABEL_LENGTH)]

_STOP_STRING: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": MAX_STOP_LENGTH}
_STOP_SCHEMA = {
    "anyOf": [
        _STOP_STRING,
        {"type": "array", "items": _STOP_STRING, "maxItems": MAX_STOP_STRINGS},
        {"type": "null"},
    ]
}


def _parse_stop(value: JsonValue) -> list[str]:
    stops = [value] if isinstance(value, str) else value
    if stops is None:
        return []
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise PydanticCustomError("stop_type", "Input should be a string or a list of strings")
    if len(stops) > MAX_STOP_STRINGS:
        raise PydanticCustomError(
            "stop_count", "Input should have at most {limit} strings", {"limit": MAX_STOP_STRINGS}
        )
    if "" in stops:
        raise PydanticCustomError("stop_empty", "Input should not hold an empty string")
    if any(len(stop) > MAX_STOP_LENGTH for stop in stops if isinstance(stop, str)):
        raise PydanticCustomError(
            "stop_length",
            "Input should hold strings of at most {limit} characters",
            {"limit": MAX_STOP_LENGTH},
        )
    return [str(stop) for stop in stops]


class StreamOptions(RequestModel):
    """`stream_options`."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = Field(
        default=None, description="Accepted without effect: nothing is obfuscated."
    )


class SamplingFields(StructuredFields):
    """What both endpoints take; null and absent mean the model's default."""

    model: str
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(
        default=None, ge=-1, le=INT32_MAX, description="-1 considers all tokens."
    )
    min_p: float | None = Field(default=None, ge=0, le=1)
    seed: int | None = Field(default=None, ge=INT64_MIN, le=INT64_MAX)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    repetition_penalty: float | None = Field(default=None, gt=0)
    stop: Annotated[Any, AfterValidator(_parse_stop), WithJsonSchema(_STOP_SCHEMA)] = Field(
        default=None, validate_default=True
    )
    stop_token_ids: (
        Annotated[list[Annotated[int, Field(ge=0, le=INT32_MAX)]], Items(MAX_STOP_TOKENS)] | None
    ) = None
    max_tokens: int | None = Field(default=None, ge=1, le=INT32_MAX)
    min_tokens: int | None = Field(default=None, ge=0, le=INT32_MAX)
    ignore_eos: bool | None = None
    logit_bias: (
        Annotated[dict[str, Annotated[float, Field(ge=-100, le=100)]], Items(MAX_BIASES)] | None
    ) = Field(
        default=None,
        json_schema_extra={"propertyNames": {"pattern": f"^{TOKEN_ID.pattern}$"}},
    )
    n: int | None = Field(default=None, ge=1, le=MAX_CHOICES)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    cache_salt: Label | None = None

    # Accepted without effect: they label or route a request, and nothing here depends on them.
    user: Label | None = None
    metadata: Annotated[dict[str, Label], Items(MAX_LABELS)] | None = None
    service_tier: Label | None = None
    safety_identifier: Label | None = None
    prompt_cache_key: Label | None = None
    prompt_cache_retention: Label | None = None

    @field_validator("logit_bias")
    @classmethod
    def _keys_are_token_ids(cls, bias: dict[str, float] | None) -> dict[str, float] | None:
        wrong = [key for key in bias or {} if not TOKEN_ID.fullmatch(key)]
        if wrong:
            raise PydanticCustomError(
                "logit_bias_key",
                "Keys should be token ids, not {key}",
                {"key": repr(clipped(wrong[0]))},
            )
        return bias

    @property
    def completion_limit(self) -> int | None:
        """The most tokens that the client wants in one choice."""
        return self.max_tokens

    @property
    def log_probabilities(self) -> int | None:
        """As `TextContext.log_probabilities`."""
        return None

    @property
    def includes_usage(self) -> bool:
        """Whether a stream ends with a chunk that holds the usage."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)
