"""The DeepSeek-V3 decoder."""

from __future__ import annotations

from max.pipelines.architectures.deepseek_v2.deepseek_v2 import DeepseekV2
from max.pipelines.architectures.deepseek_v3.model_config import DeepseekV3Config


class DeepseekV3(DeepseekV2[DeepseekV3Config]):
    """As V2; its configuration says all that it differs in."""
