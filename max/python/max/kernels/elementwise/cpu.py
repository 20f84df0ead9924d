"""Calls `cpu.cpp`."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from max.kernels.element_types import FLOAT_TYPES
from max.kernels.elementwise.functions import CODES, function_named
from max.kernels.elementwise.structs import make_args
from max.kernels.recording import CFunction, Empty, KernelCall, Recording, kernel_record

# torch rounds a number that is added, but not one that is multiplied, to the tensor's dtype.
ROUNDED = ("add", "sub", "reverse_sub")


def _record(
    kernel: CFunction,
    empty: Empty,
    a: torch.Tensor,
    b: torch.Tensor | None,
    function: str,
    numbers: Sequence[float] = (),
    dtype: torch.dtype | None = None,
) -> Recording | None:
    if not all(isinstance(each, torch.Tensor) for each in (a, b) if each is not None):
        return None  # A size of the graph.
    function_named(function, b, numbers)
    operands = [each for each in (a, b) if each is not None]
    dtype = dtype or torch.result_type(a, a if b is None else b)
    if any(each not in FLOAT_TYPES for each in (dtype, *(x.dtype for x in operands))):
        return None
    if any(x.ndim == 0 and x.dtype != dtype for x in operands):
        return None  # torch rounds it, or not: as a number, it depends on the function
    shape = a.shape
    if b is not None and b.shape != shape:
        shape = torch.broadcast_shapes(shape, b.shape)
    args = make_args(operands, shape)
    if args is None:
        return None
    if function in ROUNDED:
        numbers = [torch.tensor(number, dtype=a.dtype).item() for number in numbers]
    out = empty(shape, dtype)
    args.out, args.type = out.data_ptr(), FLOAT_TYPES[dtype]
    args.function, args.numbers[: len(numbers)] = CODES[function], numbers
    return Recording(out, KernelCall(kernel, args))


make_elementwise_record = kernel_record("elementwise", _record)
