"""Options of the sampler that hold for the whole server."""

from __future__ import annotations

from pydantic import Field

from max.pipelines.config.base import ConfigModel


class SamplingConfig(ConfigModel):
    """What the sampler is prepared for; each request brings its own `SamplingParams`."""

    enable_structured_output: bool = Field(
        default=False,
        description="Take requests whose answers follow a JSON schema or another grammar.",
    )
