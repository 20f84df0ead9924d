"""Options of the sampler that hold for the whole server."""

from __future__ import annotations

from max.pipelines.config.base import ConfigModel


class SamplingConfig(ConfigModel):
    """What the sampler is prepared for; each request brings its own `SamplingParams`."""
