"""Calls `cpu.cpp`."""

from __future__ import annotations

import torch

from max.kernels.element_types import FLOAT_TYPES
from max.kernels.elementwise.structs import make_args
from max.kernels.gated.reference import ACTIVATIONS
from max.kernels.recording import CFunction, Empty, KernelCall, Recording, kernel_record

_CODES = {name: code for code, name in enumerate(ACTIVATIONS)}


def _record(
    kernel: CFunction, empty: Empty, gate: torch.Tensor, up: torch.Tensor, activation: str
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


make_gated_record = kernel_record("gated", _record)
