"""Layer norm on a GPU: a program per row, which is read once."""

from __future__ import annotations

import torch

from max.kernels.gpu.language import Number, Pointer, Width, gpu_kernel, tl
from max.kernels.gpu.tuning import row_config


@gpu_kernel
def layer_norm_kernel(
    x: Pointer,
    y: Pointer,
    weight: Pointer,
    bias: Pointer,
    total: Pointer,
    out: Pointer,
    dim: Width,
    eps: Number,
    HAS_WEIGHT: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    ADDS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """One row of x, or of `x + y`, which goes to `total`: first the mean, then the variance."""
    start = tl.program_id(0).to(tl.int64) * dim
    column = tl.arange(0, BLOCK)
    inside = column < dim
    wide = tl.load(x + start + column, mask=inside, other=0.0).to(tl.float32)
    if ADDS:
        wide += tl.load(y + start + column, mask=inside, other=0.0).to(tl.float32)
        rounded = wide.to(total.dtype.element_ty)
        tl.store(total + start + column, rounded, mask=inside)
        wide = rounded.to(tl.float32)
    centred = tl.where(inside, wide - tl.sum(wide, 0) / dim, 0.0)
    normed = centred * tl.math.rsqrt(tl.sum(centred * centred, 0) / dim + eps)
    if HAS_WEIGHT:
        normed *= tl.load(weight + column, mask=inside, other=0.0).to(tl.float32)
    if HAS_BIAS:
        normed += tl.load(bias + column, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + start + column, normed.to(out.dtype.element_ty), mask=inside)


def run_on_gpu(
    x: torch.Tensor, weight: torch.Tensor | None, bias: torch.Tensor | None, eps: float
) -> torch.Tensor:
    """See `layer_norm_reference`."""
    x = x.contiguous()
    out = torch.empty_like(x)
    if out.numel():
        dim = x.shape[-1]
        layer_norm_kernel[(x.numel() // dim,)](
            x,
            x,
            x if weight is None else weight.contiguous(),
            x if bias is None else bias.contiguous(),
            out,
            out,
            dim,
            eps,
            HAS_WEIGHT=weight is not None,
            HAS_BIAS=bias is not None,
            ADDS=False,
            **row_config(dim).launch,
        )
    return out
