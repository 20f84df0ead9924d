"""Rows of a packed weight: an embedding whose table is also the last layer's weight."""

from max.kernels.packed_embedding.op import packed_embedding, rows_of_panels

__all__ = ["packed_embedding", "rows_of_panels"]
