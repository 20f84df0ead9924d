"""Pipelines: from a request to tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from max.pipelines import lib

    return getattr(lib, name)
