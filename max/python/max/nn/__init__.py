"""Layers: modules that models are made of."""

from max.nn.activations import activation_function_from_name
from max.nn.attention import Attention, AttentionWithRope, Mask, MHAMaskVariant
from max.nn.blocks import ParallelBlock, PostNormBlock, PreNormBlock, SandwichBlock
from max.nn.embedding import Embedding
from max.nn.linear import Linear
from max.nn.mlp import MLP, PlainMLP
from max.nn.module import Module
from max.nn.norm import ConstantLayerNorm, LayerNorm, RMSNorm
from max.nn.ragged_batch import RaggedBatch
from max.nn.rope import (
    DeepseekYarnRotaryEmbedding,
    DynamicRotaryEmbedding,
    LinearScalingParams,
    Llama3RopeScalingParams,
    Llama3RotaryEmbedding,
    LongRoPERotaryEmbedding,
    LongRoPEScalingParams,
    Rope,
    RopeFactors,
    RopeScaling,
    RotaryEmbedding,
    YarnRotaryEmbedding,
    YarnScalingParams,
)
from max.nn.sequential import LayerList, Sequential
from max.nn.transformer import ReturnHiddenStates, ReturnLogits, Transformer, TransformerBlock

__all__ = [
    "MLP",
    "Attention",
    "AttentionWithRope",
    "ConstantLayerNorm",
    "DeepseekYarnRotaryEmbedding",
    "DynamicRotaryEmbedding",
    "Embedding",
    "LayerList",
    "LayerNorm",
    "Linear",
    "LinearScalingParams",
    "Llama3RopeScalingParams",
    "Llama3RotaryEmbedding",
    "LongRoPERotaryEmbedding",
    "LongRoPEScalingParams",
    "MHAMaskVariant",
    "Mask",
    "Module",
    "ParallelBlock",
    "PlainMLP",
    "PostNormBlock",
    "PreNormBlock",
    "RMSNorm",
    "RaggedBatch",
    "ReturnHiddenStates",
    "ReturnLogits",
    "Rope",
    "RopeFactors",
    "RopeScaling",
    "RotaryEmbedding",
    "SandwichBlock",
    "Sequential",
    "Transformer",
    "TransformerBlock",
    "YarnRotaryEmbedding",
    "YarnScalingParams",
    "activation_function_from_name",
]
