"""Where the time of recorded programs goes."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch


class OpLabel(NamedTuple):
    """What a call is, the same for all layers of a model.

    Attributes:
        op: name of the kernel.
        weights: those that it reads, as "q_proj + k_proj"; empty if none.
        nbytes: memory that it reads and writes at least once.
        loads: int64 [experts], the rows of each expert so far; None for what has no experts.
        names: of the first weight, whose layer `loads` is of.
    """

    op: str
    weights: str
    nbytes: int
    loads: torch.Tensor | None = None
    names: tuple[str, ...] = ()


@dataclass
class OpTime:
    """What all calls of one kernel on the same weights of all layers took together."""

    op: str
    weights: str
    calls: int = 0
    seconds: float = 0.0
    nbytes: int = 0


class Profiler:
    """Collects the times of kernels while it is on; off, it costs nothing.

    Attributes:
        counts_experts: whether `loads` grow while it is off, too.
        cuts: for each graph by name, what runs outside of its segments: "ops.cumsum, model.py:42".
        loads: for each layer of experts, "layers.3.mlp", the rows that each expert had.
    """

    def __init__(self) -> None:
        self.counts_experts = False
        self.cuts: dict[str, list[str]] = {}
        self.loads: dict[str, list[int]] = {}
        self._times: dict[tuple[str, str], OpTime] | None = None

    @property
    def is_on(self) -> bool:
        """Whether kernels are timed."""
        return self._times is not None

    def start(self) -> None:
        """Begins to time kernels."""
        self._times, self.loads = {}, {}

    def take(self) -> list[OpTime]:
        """The times since `start` or the last `take`, the slowest first; none while it is off."""
        if self._times is None:
            return []
        found, self._times = self._times, {}
        return sorted(found.values(), key=lambda time: -time.seconds)

    def stop(self) -> None:
        """Ends it, and forgets what was not taken."""
        self._times = None

    def add(self, labels: Sequence[OpLabel], seconds: Sequence[float]) -> None:
        """Takes note of the calls of a program."""
        assert self._times is not None, "programs are timed while the profiler is on"
        for label, taken in zip(labels, seconds, strict=True):
            key = (label.op, label.weights)
            time = self._times.setdefault(key, OpTime(label.op, label.weights))
            time.calls += 1
            time.seconds += taken
            time.nbytes += label.nbytes
        self.add_loads(labels)

    def add_loads(self, labels: Sequence[OpLabel]) -> None:
        """Takes note of the rows that experts had in a run of a program."""
        for label in labels:
            if label.loads is not None:
                layer = label.names[0].partition(".experts.")[0]
                before = self.loads.get(layer) or [0] * len(label.loads)
                more = label.loads.tolist()
                self.loads[layer] = [a + b for a, b in zip(before, more, strict=True)]


def forget_loads(labels: Sequence[OpLabel]) -> None:
    """Sets the loads of a program's experts to zero, before it runs."""
    for label in labels:
        if label.loads is not None:
            label.loads.zero_()


@functools.cache
def weight_label(names: tuple[str, ...]) -> str:
    """The modules of weights, without what differs from layer to layer.

    `("layers.3.mlp.gate_proj.weight", "layers.3.mlp.up_proj.weight")` is "gate_proj + up_proj".
    """
    return " + ".join(_module(name) for name in names if not name.startswith("constant."))


def _module(name: str) -> str:
    parts = name.removesuffix(".weight").split(".")
    path = [part for part in parts if not part.isdecimal()] or parts
    return ".".join(path[-2:] if path[-1] == "bias" else path[-1:])
