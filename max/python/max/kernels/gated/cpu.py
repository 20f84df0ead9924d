"""Calls `cpu.cpp`."""

from __future__ import annotations

import torch

from max.kernels.element_types import FLOAT_TYPES
from max.kernels.elementwise.structs import make_args
from max.kernels.gated.reference import ACTIVATIONS
from max.kernels.isa import Isa
from max.kernels.recording import Empty, KernelCall, Record, Recording, load_function

_CODES = {name: code for code, name in enumerate(ACTIVATIONS)}


def make_gated_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    kernel = load_function("gated", isa)
    if kernel is None:
        return None

    def record(
        empty: Empty, gate: torch.Tensor, up: torch.Tensor, activation: str
    ) -> Recording | None:
        if gate.dtype not in FLOAT_TYPES or gate.dtype != up.dtype or gate.shape != up.shape:
            return None
        args = make_args([gate, up], gate.shape)
        if args is None:
            return None
        out = empty(gate.shape, gate.dtype)
        args.out, args.type = out.data_ptr(), FLOAT_TYPES[gate.dtype]
        args.function = _CODES[activation]
        return Recording(out, KernelCall(kernel, args))

    return record
