"""RMS norm on a GPU: a program per row, which is read once."""

from __future__ import annotations

import torch

from max.kernels.gpu.language import Number, Pointer, Width, gpu_kernel, tl
from max.kernels.gpu.tuning import row_config


@gpu_kernel
def rms_norm_kernel(
    x: Pointer,
    y: Pointer,
    weight: Pointer,
    total: Pointer,
    out: Pointer,
    dim: Width,
    eps: Number,
    offset: Number,
    MULTIPLY_BEFORE_CAST: tl.constexpr,
    ADDS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """One row of x, or of `x + y`, which goes to `total`."""
    start = tl.program_id(0).to(tl.int64) * dim
    column = tl.arange(0, BLOCK)
    inside = column < dim
    wide = tl.load(x + start + column, mask=inside, other=0.0).to(tl.float32)
    if ADDS:
        wide += tl.load(y + start + column, mask=inside, other=0.0).to(tl.float32)
        rounded = wide.to(total.dtype.element_ty)
        tl.store(total + start + column, rounded, mask=inside)
        wide = rounded.to(tl.float32)
    normed = wide * tl.math.rsqrt(tl.sum(wide * wide, 0) / dim + eps)
    factor = tl.load(weight + column, mask=inside, other=0.0).to(tl.float32) + offset
    if not MULTIPLY_BEFORE_CAST:
        factor = factor.to(weight.dtype.element_ty).to(out.dtype.element_ty).to(tl.float32)
        normed = normed.to(out.dtype.element_ty).to(tl.float32)
    tl.store(out + start + column, (normed * factor).to(out.dtype.element_ty), mask=inside)


def run_on_gpu(
    x: torch.Tensor,
    weight: torch.Tensor,
    eps: float,
    weight_offset: float,
    multiply_before_cast: bool,
) -> torch.Tensor:
    """See `rms_norm_reference`."""
    x = x.contiguous()
    out = torch.empty_like(x)
    if out.numel():
        dim = x.shape[-1]
        rms_norm_kernel[(x.numel() // dim,)](
            x,
            x,
            weight.contiguous(),
            out,
            out,
            dim,
            eps,
            weight_offset,
            MULTIPLY_BEFORE_CAST=multiply_before_cast,
            ADDS=False,
            **row_config(dim).launch,
        )
    return out
