"""Calls `cpu.cpp`."""

from __future__ import annotations

import torch

from max.kernels.element_types import WEIGHT_TYPES
from max.kernels.elementwise.functions import CODES, function_named
from max.kernels.elementwise.structs import make_args
from max.kernels.isa import Isa
from max.kernels.recording import Empty, KernelCall, Record, Recording, load_function


def make_elementwise_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    kernel = load_function("elementwise", isa)
    if kernel is None:
        return None

    def record(
        empty: Empty,
        function: str,
        a: torch.Tensor,
        b: torch.Tensor | None,
        numbers: list[float],
        dtype: torch.dtype | None,
    ) -> Recording | None:
        function_named(function, b, numbers)
        if dtype is None:
            dtype = a.dtype if b is None else torch.result_type(a, b)
        if any(
            each not in WEIGHT_TYPES for each in (a.dtype, dtype, a.dtype if b is None else b.dtype)
        ):
            return None
        shape = a.shape if b is None else torch.broadcast_shapes(a.shape, b.shape)
        args = make_args(a, b, shape)
        if args is None:
            return None
        out = empty(shape, dtype)
        args.out, args.type = out.data_ptr(), WEIGHT_TYPES[dtype]
        args.function, args.numbers[: len(numbers)] = CODES[function], numbers
        return Recording(out, KernelCall(kernel, args))

    return record
