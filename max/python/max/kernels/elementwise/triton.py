"""Elementwise arithmetic on a GPU: a program per block of a row's elements."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from max.kernels.element_types import FLOAT_TYPES
from max.kernels.elementwise.cpu import ROUNDED
from max.kernels.elementwise.functions import FUNCTIONS, function_named
from max.kernels.elementwise.rows import rows_of
from max.kernels.elementwise.triton_functions import of_one, of_two
from max.kernels.gpu.language import Number, Pointer, Width, cdiv, gpu_kernel, tl

BLOCK = 1024


@gpu_kernel
def elementwise_kernel(
    a: Pointer,
    b: Pointer,
    out: Pointer,
    dim: Width,
    a_row: Width,
    b_row: Width,
    first: Number,
    second: Number,
    A_STRIDE: tl.constexpr,
    B_STRIDE: tl.constexpr,
    B_IS_NUMBER: tl.constexpr,
    IS_OF_TWO: tl.constexpr,
    FUNCTION: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """A block of elements of a row; the second operand is b, or the number `first`."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < dim
    x = tl.load(a + row * a_row + column * A_STRIDE, mask=inside, other=0.0).to(tl.float32)
    if IS_OF_TWO:
        if B_IS_NUMBER:
            y = tl.full([BLOCK], 0.0, tl.float32) + first
        else:
            y = tl.load(b + row * b_row + column * B_STRIDE, mask=inside, other=1.0).to(tl.float32)
        result = of_two(x, y, FUNCTION)
    else:
        result = of_one(x, first, second, FUNCTION)
    tl.store(out + row * dim + column, result.to(out.dtype.element_ty), mask=inside)


def run_on_gpu(
    a: torch.Tensor,
    b: torch.Tensor | None,
    function: str,
    numbers: Sequence[float] = (),
    dtype: torch.dtype | None = None,
) -> torch.Tensor | None:
    """See `elementwise_reference`; None for what is not of floats."""
    function_named(function, b, numbers)
    operands = [a] if b is None else [a, b]
    dtype = dtype or torch.result_type(a, a if b is None else b)
    if any(each not in FLOAT_TYPES for each in (dtype, *(x.dtype for x in operands))):
        return None
    if any(x.ndim == 0 and x.dtype != dtype for x in operands):
        return None  # torch rounds it, or not: as a number, it depends on the function
    shape = torch.broadcast_shapes(*(x.shape for x in operands))
    rows = rows_of(operands, shape)
    if rows is None:
        operands = [x.expand(shape).contiguous() for x in operands]
        rows = rows_of(operands, shape)
        assert rows is not None
    if function in ROUNDED:
        numbers = [torch.tensor(number, dtype=a.dtype).item() for number in numbers]
    first, second, *_ = [*numbers, 0.0, 0.0]
    out = torch.empty(shape, dtype=dtype, device=a.device)
    if out.numel():
        elementwise_kernel[(rows.rows, cdiv(rows.dim, BLOCK))](
            operands[0],
            operands[-1],
            out,
            rows.dim,
            rows.row_strides[0],
            rows.row_strides[-1],
            first,
            second,
            A_STRIDE=rows.strides[0],
            B_STRIDE=rows.strides[-1],
            B_IS_NUMBER=b is None,
            IS_OF_TWO=FUNCTIONS[function].operands == 2,
            FUNCTION=function,
            BLOCK=BLOCK,
        )
    return out
