"""Copies of operands that lie in strides, for kernels that read elements in sequence."""

from __future__ import annotations

import torch

from max.kernels.elementwise import elementwise
from max.kernels.recording import Empty, Recording
from max.kernels.registry import record_of


def record_in_sequence(empty: Empty, x: torch.Tensor) -> Recording | None:
    """The call that copies a tensor; None for one that lies in sequence, or that none copies."""
    record = None if x.is_contiguous() else record_of(elementwise)
    return None if record is None else record(empty, x, None, "cast")
