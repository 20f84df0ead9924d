"""What runs segments: the interface of the replay backends.

    segment + shapes of inputs --record--> replay: places of inputs, work, outputs

A backend records the work of a segment on fixed addresses once, and repeats it: C calls on a CPU
(`cpu.py`); the same interface fits a captured graph of an accelerator. What differs from call to
call in shape is another recording, so whoever makes batches keeps their shapes few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import fx

from max.engine.replay.memory import Memory
from max.engine.replay.profile import OpLabel
from max.engine.replay.segments import Segment


class Refused(Exception):
    """A backend cannot hold a node with the operands that it has; `node` says which."""

    def __init__(self, node: fx.Node) -> None:
        super().__init__(node)
        self.node = node


class Replay(Protocol):
    """The recorded work of a segment, on the addresses that it was recorded with.

    Attributes:
        places: for each input of the segment where it is to be copied to before `run`; None for
            what is used where it lies, and for numbers.
        outputs: what the segment gives; in the model's memory, until any other replay runs.
        nbytes: what it keeps beside the model's memory.
        memory_bytes: how much of the model's memory it works in.
        labels: of its operations, in the order of `run_timed`.
    """

    places: Sequence[torch.Tensor | None]
    outputs: Sequence[Any]
    nbytes: int
    memory_bytes: int
    labels: Sequence[OpLabel]

    def run(self) -> None:
        """Does the work."""

    def run_timed(self) -> list[float]:
        """Does the work, and gives the seconds that each operation took."""


class Backend(Protocol):
    """A way to record segments."""

    def can_hold(self, node: fx.Node) -> bool:
        """Whether a node may be part of a segment; `record` may find that it cannot."""

    def record(self, segment: Segment, inputs: Mapping[fx.Node, Any], memory: Memory) -> Replay:
        """Records a segment, and computes nothing.

        Args:
            segment: of nodes that it can hold.
            inputs: tensors and numbers. Of those that are copied only shape and dtype count: with
                `Memory.without_elements()` they may be on the device "meta", as may all others.
            memory: where everything is placed that is not given.

        Raises:
            Refused: if it cannot hold a node after all.
            RegionTooSmall: if the memory does not suffice.
        """
