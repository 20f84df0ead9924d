"""Rows of a quantized table."""

from max.kernels.quantized_embedding.op import quantized_embedding

__all__ = ["quantized_embedding"]
