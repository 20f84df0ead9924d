"""Runs the parts of a compiled graph that a backend can hold by recordings of them."""

from max.engine.replay.backend import Refused
from max.engine.replay.cpu import CpuBackend
from max.engine.replay.lowering import ReplayedGraph
from max.engine.replay.profile import OpTime, Profiler
from max.engine.replay.runner import SegmentRunner

__all__ = ["CpuBackend", "OpTime", "Profiler", "Refused", "ReplayedGraph", "SegmentRunner"]
