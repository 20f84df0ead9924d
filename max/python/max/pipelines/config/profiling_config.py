"""Options of profiling."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from max.pipelines.config.base import ConfigModel, NotInThisRelease


class ProfilingConfig(ConfigModel):
    """What is recorded for profilers."""

    gpu_profiling: Annotated[Literal["off", "on", "detailed"], NotInThisRelease()] = Field(
        default="off", description="Mark kernels for GPU profilers."
    )
