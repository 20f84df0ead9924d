"""Calls `cpu.cpp`."""

from __future__ import annotations

import torch

from max.kernels.c_struct import CStruct, floats, int32s, int64s, pointers
from max.kernels.element_types import ELEMENT_TYPES
from max.kernels.recording import (
    CFunction,
    Empty,
    KernelCall,
    Recording,
    are_contiguous,
    kernel_record,
)
from max.kernels.route_tokens.reference import SCORES


class _RouteTokensArgs(CStruct):
    """The C struct of `include/route_tokens.h`."""

    _fields_ = (
        *pointers("logits", "bias", "routes"),
        *int64s("rows", "experts", "top_k", "groups", "top_groups", "best_of_group"),
        *floats("scale", "jitter"),
        *int32s("scores", "renormalizes", "type"),
    )


def _record(
    function: CFunction,
    empty: Empty,
    logits: torch.Tensor,
    bias: torch.Tensor | None,
    top_k: int,
    scores: str,
    groups: int,
    top_groups: int,
    best_of_group: int,
    renormalizes: bool,
    scale: float,
    jitter: float,
) -> Recording | None:
    if logits.dtype not in ELEMENT_TYPES or not are_contiguous(logits):
        return None
    if bias is not None and (bias.dtype != torch.float32 or not are_contiguous(bias)):
        return None
    rows, experts = logits.shape
    routes = empty((rows, 2 * top_k), torch.float32)
    args = _RouteTokensArgs(
        logits,
        bias,
        routes,
        rows,
        experts,
        top_k,
        groups,
        top_groups,
        best_of_group,
        scale,
        jitter,
        SCORES.index(scores),
        renormalizes,
        ELEMENT_TYPES[logits.dtype],
    )
    return Recording(routes, KernelCall(function, args))


make_route_tokens_record = kernel_record("route_tokens", _record)
