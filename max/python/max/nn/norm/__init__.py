"""Normalization layers."""

from max.nn.norm.constant_layer_norm import ConstantLayerNorm
from max.nn.norm.head_layer_norm import HeadLayerNorm
from max.nn.norm.layer_norm import LayerNorm
from max.nn.norm.rms_norm import RMSNorm

__all__ = ["ConstantLayerNorm", "HeadLayerNorm", "LayerNorm", "RMSNorm"]
