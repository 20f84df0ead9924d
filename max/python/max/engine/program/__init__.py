"""Lowers the parts of a compiled graph that native kernels cover to recorded programs."""

from max.engine.program.lowering import with_programs

__all__ = ["with_programs"]
