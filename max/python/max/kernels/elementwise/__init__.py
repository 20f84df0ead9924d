"""Arithmetic of activations and functions of them, element by element."""

from max.kernels.elementwise.op import elementwise

__all__ = ["elementwise"]
