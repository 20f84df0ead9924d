"""Whole graphs that are captured once for some sizes, and launched again with one call.

    capture(size, inputs)     inputs are copied to places of their own ─> run once, so that every
                              kernel is compiled ─> run again, while the recorder listens
    execute(inputs)           given ─> places, what is left of them as it was captured ─> launch
                              ─> the rows that were asked for, copied out

A place is as large as the input that was captured: smaller batches are padded with what that held,
which must harm nobody (requests of one token whose pages are the null page).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import torch

# What a captured graph runs: outputs of inputs.
Forward = Callable[..., Sequence[torch.Tensor]]


class Recorder(Protocol):
    """A way to listen to work on a device and do it again, on the same memory."""

    def record(self, work: Callable[[], Sequence[torch.Tensor]]) -> Recorded:
        """Records what `work` does; it runs at least once.

        Memory that it takes is kept, and shared by everything that this recorder records: so the
        outputs of one are valid until another runs.
        """


class Recorded(NamedTuple):
    """Recorded work.

    Attributes:
        run: does it again.
        outputs: that it writes, at the same addresses each time.
    """

    run: Callable[[], None]
    outputs: Sequence[torch.Tensor]


class _Captured(NamedTuple):
    rows: int
    places: Sequence[torch.Tensor | None]
    padding: Sequence[torch.Tensor | None]
    recorded: Recorded


class Captures:
    """The captured graphs of a model.

    Args:
        forward: the model's code.
        is_buffer: for each input, whether it is used where it lies and so must not move (caches).
        recorder: of the model's device.
    """

    def __init__(self, forward: Forward, is_buffer: Sequence[bool], recorder: Recorder) -> None:
        self._forward = forward
        self._is_buffer = is_buffer
        self._recorder = recorder
        self._size_for: Callable[[Sequence[torch.Tensor]], int | None] = _none
        self._captured: dict[int, _Captured] = {}

    @property
    def sizes(self) -> list[int]:
        """Those that are captured."""
        return sorted(self._captured)

    def choose_by(self, size_for: Callable[[Sequence[torch.Tensor]], int | None]) -> None:
        """Sets what says which size inputs are to be padded to; None for what is not captured."""
        self._size_for = size_for

    def capture(self, size: int, inputs: Sequence[torch.Tensor]) -> None:
        """Captures the graph for inputs of a size: the largest first, as they share memory.

        Args:
            size: rows of its outputs.
            inputs: as `Model.execute` takes them; buffers are kept, of others their elements.
        """
        places = [
            None if is_buffer else given.clone()
            for given, is_buffer in zip(inputs, self._is_buffer, strict=True)
        ]
        used = [
            given if place is None else place for given, place in zip(inputs, places, strict=True)
        ]
        recorded = self._recorder.record(lambda: self._forward(*used))
        padding = [None if place is None else place.clone() for place in places]
        self._captured[size] = _Captured(size, places, padding, recorded)

    def run(self, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor] | None:
        """The outputs, for the caller to keep; None for inputs that are not captured."""
        size = self._size_for(inputs)
        captured = None if size is None else self._captured.get(size)
        if captured is None or not all(map(_fits, captured.places, inputs)):
            return None
        for place, padding, given in zip(captured.places, captured.padding, inputs, strict=True):
            if place is not None and padding is not None:
                _fill(place, padding, given)
        captured.recorded.run()
        rows = len(inputs[0])
        return [
            (each[:rows] if each.ndim and len(each) == captured.rows else each).clone()
            for each in captured.recorded.outputs
        ]


def _fits(place: torch.Tensor | None, given: torch.Tensor) -> bool:
    return place is None or all(
        size <= most for size, most in zip(given.shape, place.shape, strict=True)
    )


def _fill(place: torch.Tensor, padding: torch.Tensor, given: torch.Tensor) -> None:
    if place.shape != given.shape:
        place.copy_(padding, non_blocking=True)
        for axis, size in enumerate(given.shape):
            place = place.narrow(axis, 0, size)
    place.copy_(given, non_blocking=True)


def _none(inputs: Sequence[torch.Tensor]) -> None:
    return None
