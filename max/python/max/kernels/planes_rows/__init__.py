"""Decoded rows of a quantized table in planes."""

from max.kernels.planes_rows.op import planes_rows

__all__ = ["planes_rows"]
