"""Lowers the parts of a compiled graph that native kernels cover to recorded programs."""

from max.engine.replay.lowering import with_programs
from max.engine.replay.profile import OpTime, Profiler

__all__ = ["OpTime", "Profiler", "with_programs"]
