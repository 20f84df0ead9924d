"""Calls the elementwise kernels, which take two tensors of one shape and dtype."""

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


class ElementwiseArgs(ctypes.Structure):
    """The C struct of `include/elementwise.h`."""

    _fields_ = (
        ("a", ctypes.c_void_p),
        ("b", ctypes.c_void_p),
        ("out", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("type", ctypes.c_int32),
    )


def make_elementwise_record(op: str, isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        op: "add" or "swiglu".
        isa: the best of this machine unless given.
    """
    function = load_function(op, isa)
    if function is None:
        return None

    def record(empty: Empty, a: torch.Tensor, b: torch.Tensor) -> Recording | None:
        if not isinstance(b, torch.Tensor):  # A size of the graph.
            return None
        if a.dtype not in ELEMENT_TYPES or a.dtype != b.dtype or a.shape != b.shape:
            return None
        if not are_contiguous(a, b):
            return None
        out = empty(a.shape, a.dtype)
        args = ElementwiseArgs(
            a.data_ptr(), b.data_ptr(), out.data_ptr(), a.numel(), ELEMENT_TYPES[a.dtype]
        )
        return Recording(out, KernelCall(function, args))

    return record
