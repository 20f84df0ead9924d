"""Fields of OpenAI's API that this release does not do.

They are declared, so that a client that sends one learns that it is not supported, and from which
values on: a neutral value (`tools: []`, `logprobs: false`) asks for nothing and is accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, JsonValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from max.pipelines.config.unavailable import asks_for_nothing


@dataclass(frozen=True, eq=False)
class Unsupported:
    """Validates a field that may be one of `neutral`, and nothing else.

    Two of them are never equal, although False == 0: `typing` would take one for the other.
    """

    neutral: tuple[JsonValue, ...]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._refuse_others, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> Mapping[str, Any]:
        return {
            "enum": list(self.neutral),
            "description": "Not supported: these values ask for nothing.",
        }

    def _refuse_others(self, value: JsonValue) -> JsonValue:
        if asks_for_nothing(value, self.neutral):
            return value
        accepted = ", ".join("null" if each is None else repr(each) for each in self.neutral)
        raise PydanticCustomError(
            "unsupported",
            "This parameter is not supported by this server. Leave it out"
            " (accepted without effect: {accepted})",
            {"accepted": accepted},
        )
