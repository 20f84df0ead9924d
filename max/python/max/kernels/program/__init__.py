"""Sequences of kernel calls that one native call runs."""

from max.kernels.program.program import Program

__all__ = ["Program"]
