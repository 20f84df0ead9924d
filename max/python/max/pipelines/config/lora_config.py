"""Options of LoRA adapters."""

from __future__ import annotations

from max.pipelines.config.base import ConfigModel


class LoRAConfig(ConfigModel):
    """Adapters that are served beside the base model."""
