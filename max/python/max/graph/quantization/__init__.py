"""Encodings of quantized weights, and what turns their blocks into numbers.

What is known of the encodings is had without importing torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from max.graph.quantization.encodings import (
    BLOCK_ENCODINGS,
    BlockParameters,
    QuantizationConfig,
    QuantizationEncoding,
    encoding_of_file_type,
    encoding_of_ggml_type,
)

if TYPE_CHECKING:
    from max.graph.quantization.dequantize import dequantize_rows

__all__ = [
    "BLOCK_ENCODINGS",
    "BlockParameters",
    "QuantizationConfig",
    "QuantizationEncoding",
    "dequantize_rows",
    "encoding_of_file_type",
    "encoding_of_ggml_type",
]


def __getattr__(name: str) -> Any:
    if name == "dequantize_rows":
        from max.graph.quantization.dequantize import dequantize_rows

        return dequantize_rows
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
