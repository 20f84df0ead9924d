"""What DeepSeek-V3 checkpoints say in config.json: nearly what V2's do."""

from max.pipelines.architectures.deepseek_v2.checkpoint import DEEPSEEK_V3_FIELDS

__all__ = ["DEEPSEEK_V3_FIELDS"]
