"""The Qwen2 pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.llama3.model import Llama3Model
from max.pipelines.architectures.qwen2.model_config import Qwen2Config


class Qwen2Model(Llama3Model):
    """Llama with biases in the q, k, v projections, and windows in some layers."""

    model_config_cls: ClassVar[type[Any] | None] = Qwen2Config
