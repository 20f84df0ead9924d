"""Options of LoRA adapters."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from max.pipelines.config.base import ConfigModel, NotInThisRelease


class LoRAConfig(ConfigModel):
    """Adapters that are served beside the base model."""

    enable_lora: Annotated[bool, NotInThisRelease()] = Field(
        default=False, description="Serve LoRA adapters."
    )
    lora_paths: Annotated[list[str], NotInThisRelease()] = Field(
        default_factory=list, description="An adapter to load at start, as name=path; repeatable."
    )
    max_lora_rank: Annotated[int, NotInThisRelease()] = Field(
        default=16, description="Largest rank of an adapter."
    )
    max_num_loras: Annotated[int, NotInThisRelease()] = Field(
        default=1, description="Adapters held on the device at once."
    )
