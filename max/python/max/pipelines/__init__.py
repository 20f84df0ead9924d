"""Pipelines: from a request to tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from max.pipelines.checkpoint.families import CheckpointFamily, tell_families

if TYPE_CHECKING:
    from max.pipelines.lib import (
        PIPELINE_REGISTRY,
        PipelineConfig,
        SupportedArchitecture,
        TextGenerationPipeline,
        TextTokenizer,
    )

__all__ = [
    "PIPELINE_REGISTRY",
    "PipelineConfig",
    "SupportedArchitecture",
    "TextGenerationPipeline",
    "TextTokenizer",
]


def _families() -> Iterable[CheckpointFamily]:
    from max.pipelines.lib import PIPELINE_REGISTRY

    return PIPELINE_REGISTRY.checkpoint_families()


# A checkpoint is read by what its family says of it, whichever of these packages is used first.
tell_families(_families)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from max.pipelines import lib

    return getattr(lib, name)
