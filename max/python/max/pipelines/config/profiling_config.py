"""Options of profiling."""

from __future__ import annotations

from max.pipelines.config.base import ConfigModel


class ProfilingConfig(ConfigModel):
    """What is recorded for profilers."""
