"""Options of speculative decoding."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from max.pipelines.config.base import ConfigModel, NotInThisRelease


class SpeculativeConfig(ConfigModel):
    """How draft tokens are proposed and accepted."""

    speculative_method: Annotated[Literal["eagle", "mtp", "dflash"] | None, NotInThisRelease()] = (
        Field(default=None, description="How draft tokens are proposed.")
    )
    num_speculative_tokens: Annotated[int, NotInThisRelease()] = Field(
        default=2, description="Draft tokens of a step."
    )
    rejection_sampling_strategy: Annotated[str | None, NotInThisRelease()] = Field(
        default=None, description="How draft tokens are accepted."
    )
