"""Layer norm on a GPU: a program per row, which is read once."""

from __future__ import annotations

import torch

from max.kernels.gpu.language import Number, Pointer, Width, gpu_kernel, tl
from max.kernels.gpu.tuning import row_config


@gpu_kernel
def layer_norm_kernel(
    x: Pointer,
    weight: Pointer,
    bias: Pointer,
    out: Pointer,
    dim: Width,
    eps: Number,
    HAS_WEIGHT: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """One row: the mean first, then the variance around it."""
    start = tl.program_id(0).to(tl.int64) * dim
    column = tl.arange(0, BLOCK)
    inside = column < dim
    wide = tl.load(x + start + column, mask=inside, other=0.0).to(tl.float32)
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
            x if weight is None else weight.contiguous(),
            x if bias is None else bias.contiguous(),
            out,
            dim,
            eps,
            HAS_WEIGHT=weight is not None,
            HAS_BIAS=bias is not None,
            **row_config(dim).launch,
        )
    return out
