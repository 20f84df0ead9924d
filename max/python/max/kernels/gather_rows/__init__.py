"""Rows of a table: embeddings."""

from max.kernels.gather_rows.op import gather_rows

__all__ = ["gather_rows"]
