"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes

import torch

from max.kernels.element_types import ELEMENT_TYPES
from max.kernels.isa import Isa
from max.kernels.recording import (
    Empty,
    KernelCall,
    Record,
    Recording,
    are_contiguous,
    load_function,
)
from max.kernels.route_tokens.reference import SCORES


class _RouteTokensArgs(ctypes.Structure):
    """The C struct of `include/route_tokens.h`."""

    _fields_ = (
        ("logits", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("routes", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("experts", ctypes.c_int64),
        ("top_k", ctypes.c_int64),
        ("groups", ctypes.c_int64),
        ("top_groups", ctypes.c_int64),
        ("best_of_group", ctypes.c_int64),
        ("scale", ctypes.c_float),
        ("jitter", ctypes.c_float),
        ("scores", ctypes.c_int32),
        ("renormalizes", ctypes.c_int32),
        ("type", ctypes.c_int32),
    )


def make_route_tokens_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function = load_function("route_tokens", isa)
    if function is None:
        return None

    def record(
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
            logits.data_ptr(),
            None if bias is None else bias.data_ptr(),
            routes.data_ptr(),
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

    return record
