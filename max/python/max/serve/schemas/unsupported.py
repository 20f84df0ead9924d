"""Fields of OpenAI's API that this release does not do.

They are declared, so that a client that sends one learns that it is not supported, and from which
values on: a neutral value (`tools: []`, `logprobs: false`) asks for nothing and is accepted.
"""

from __future__ import annotations

from pydantic import AfterValidator, JsonValue
from pydantic_core import PydanticCustomError


def unsupported(*neutral: JsonValue) -> AfterValidator:
    """Validates a field that may be null or one of `neutral`, and nothing else."""

    def refuse_others(value: JsonValue) -> JsonValue:
        if value is None or any(
            type(value) is type(allowed) and value == allowed for allowed in neutral
        ):
            return value
        accepted = ", ".join(["null", *(repr(allowed) for allowed in neutral)])
        raise PydanticCustomError(
            "unsupported",
            "This parameter is not supported by this server. Leave it out"
            " (accepted without effect: {accepted})",
            {"accepted": accepted},
        )

    return AfterValidator(refuse_others)
