"""Rows of a packed quantized weight: an embedding whose table is also the last layer's weight."""

from max.kernels.packed_quantized_embedding.op import packed_quantized_embedding

__all__ = ["packed_quantized_embedding"]
