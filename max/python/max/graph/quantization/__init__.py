"""Encodings of quantized weights, and what turns their blocks into numbers."""

from max.graph.quantization.dequantize import dequantize_rows
from max.graph.quantization.encodings import (
    BlockParameters,
    QuantizationConfig,
    QuantizationEncoding,
)

__all__ = [
    "BlockParameters",
    "QuantizationConfig",
    "QuantizationEncoding",
    "dequantize_rows",
]
