"""Options of the sampler that hold for the whole server."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from max.dtype import DType
from max.pipelines.config.base import ConfigModel, NotInThisRelease


class SamplingConfig(ConfigModel):
    """What the sampler is prepared for; each request brings its own `SamplingParams`."""

    in_dtype: Annotated[DType, NotInThisRelease()] = Field(
        default=DType.float32, description="Element type of the logits that the sampler reads."
    )
    out_dtype: Annotated[DType, NotInThisRelease()] = Field(
        default=DType.float32, description="Element type of the logits that the sampler returns."
    )
    enable_structured_output: Annotated[bool, NotInThisRelease()] = Field(
        default=False, description="Accept requests for output that follows a JSON schema."
    )
    structured_output_backend: Annotated[Literal["llguidance", "xgrammar"], NotInThisRelease()] = (
        Field(default="llguidance", description="Library that compiles the schema.")
    )
    enable_variable_logits: Annotated[bool, NotInThisRelease()] = Field(
        default=False, description="Return the logits of several positions of a request."
    )
    enable_penalties: Annotated[bool, NotInThisRelease()] = Field(
        default=True, description="Apply frequency, presence and repetition penalties."
    )
    enable_min_tokens: Annotated[bool, NotInThisRelease()] = Field(
        default=True, description="Apply a request's min_tokens."
    )
    sample_on_host: Annotated[bool, NotInThisRelease()] = Field(
        default=False, description="Move the logits to the host before sampling."
    )
