"""The Qwen2 decoder with experts."""

from __future__ import annotations

from max.pipelines.architectures.qwen2_moe.model_config import Qwen2MoeConfig
from max.pipelines.lib.expert_layers import ExpertDecoder


class Qwen2Moe(ExpertDecoder[Qwen2MoeConfig]):
    """A decoder with experts; its configuration says all that it differs in."""
