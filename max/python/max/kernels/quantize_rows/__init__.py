"""Weights turned into blocks of an encoding."""

from max.kernels.quantize_rows.quantize import quantize_rows

__all__ = ["quantize_rows"]
