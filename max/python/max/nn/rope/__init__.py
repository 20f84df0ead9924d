"""Rotary position embeddings: the angles by which queries and keys are turned."""

from max.nn.rope.documented import (
    DeepseekYarnRotaryEmbedding,
    DynamicRotaryEmbedding,
    Llama3RotaryEmbedding,
    LongRoPERotaryEmbedding,
    RotaryEmbedding,
    YarnRotaryEmbedding,
)
from max.nn.rope.long_context import LongRoPEScalingParams, YarnScalingParams
from max.nn.rope.rope import Rope
from max.nn.rope.scaling import (
    DynamicScalingParams,
    LinearScalingParams,
    Llama3RopeScalingParams,
    RopeFactors,
    RopeScaling,
)
from max.nn.rope.table import ROPE_SCALINGS, rope_scaling_of

__all__ = [
    "ROPE_SCALINGS",
    "DeepseekYarnRotaryEmbedding",
    "DynamicRotaryEmbedding",
    "DynamicScalingParams",
    "LinearScalingParams",
    "Llama3RopeScalingParams",
    "Llama3RotaryEmbedding",
    "LongRoPERotaryEmbedding",
    "LongRoPEScalingParams",
    "Rope",
    "RopeFactors",
    "RopeScaling",
    "RotaryEmbedding",
    "YarnRotaryEmbedding",
    "YarnScalingParams",
    "rope_scaling_of",
]
