"""Calls `cpu.cpp`."""

from __future__ import annotations

import torch

from max.kernels.c_struct import CStruct, floats, int64s, pointers
from max.kernels.isa import Isa
from max.kernels.quantize_rows.reference import Search
from max.kernels.recording import KernelCall, load_function


class QuantizeRowsArgs(CStruct):
    """The C struct of `include/quantize_rows.h`."""

    _fields_ = (
        *pointers("x"),
        *int64s("groups", "elements"),
        *floats("levels", "first"),
        *int64s("steps"),
        *pointers("scales", "mins"),
    )


def make_search(isa: Isa | None = None) -> Search | None:
    """The kernel's searches; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function = load_function("quantize_rows", isa)
    if function is None:
        return None

    def scale_and_min(
        x: torch.Tensor, levels: int, first: float, steps: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        x = x.contiguous()
        scales, mins = torch.empty(x.shape[:-1]), torch.empty(x.shape[:-1])
        args = QuantizeRowsArgs(x, scales.numel(), x.shape[-1], levels, first, steps, scales, mins)
        KernelCall(function, args).run()
        return scales, mins

    def scale(x: torch.Tensor, levels: int) -> torch.Tensor:
        x = x.contiguous()
        scales = torch.empty(x.shape[:-1])
        args = QuantizeRowsArgs(x, scales.numel(), x.shape[-1], levels, 0, 0, scales, None)
        KernelCall(function, args).run()
        return scales

    return Search(scale_and_min, scale)
