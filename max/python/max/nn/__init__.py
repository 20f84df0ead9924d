"""Layers: modules that models are made of."""

from max.nn.attention import AttentionWithRope, MHAMaskVariant
from max.nn.embedding import Embedding
from max.nn.linear import Linear
from max.nn.mlp import MLP, activation_function_from_name
from max.nn.module import Module
from max.nn.norm import LayerNorm, RMSNorm
from max.nn.rotary_embedding import (
    LinearScalingParams,
    Llama3RopeScalingParams,
    Llama3RotaryEmbedding,
    RopeFactors,
    RotaryEmbedding,
)
from max.nn.sequential import LayerList, Sequential
from max.nn.transformer import ReturnHiddenStates, ReturnLogits, Transformer, TransformerBlock

__all__ = [
    "MLP",
    "AttentionWithRope",
    "Embedding",
    "LayerList",
    "LayerNorm",
    "Linear",
    "LinearScalingParams",
    "Llama3RopeScalingParams",
    "Llama3RotaryEmbedding",
    "MHAMaskVariant",
    "Module",
    "RMSNorm",
    "ReturnHiddenStates",
    "ReturnLogits",
    "RopeFactors",
    "RotaryEmbedding",
    "Sequential",
    "Transformer",
    "TransformerBlock",
    "activation_function_from_name",
]
