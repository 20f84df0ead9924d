"""Numbers on their way from an accelerator to the host."""

from __future__ import annotations

from typing import Any

import torch


class LateNumbers:
    """Copies of tensors, begun when this is made; nothing waits for them until they are read.

    Args:
        tensors: all on one device.
    """

    def __init__(self, *tensors: torch.Tensor) -> None:
        self._arriving = [_begin_to_copy(each) for each in tensors]
        self._arrival = None
        if not tensors[0].is_cpu:
            self._arrival = torch.cuda.Event()
            self._arrival.record(torch.cuda.current_stream(tensors[0].device))

    def known(self) -> list[Any]:
        """Each tensor as nested lists; waits until they are there."""
        if self._arrival is not None:
            self._arrival.synchronize()
        return [each.tolist() for each in self._arriving]


def _begin_to_copy(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.is_cpu:
        return tensor
    arriving = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return arriving.copy_(tensor, non_blocking=True)
