"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import torch

from max.kernels.element_types import ELEMENT_TYPES
from max.kernels.experts.reference import SWISH_PLUS_ONE, tables_of_matrices
from max.kernels.gated.reference import ACTIVATIONS
from max.kernels.isa import Isa
from max.kernels.layouts.panels import ENCODINGS, Panels
from max.kernels.lora_linear.cpu import LoraLinearArgs, lora_linear_args
from max.kernels.packed_linear.cpu import products_function, workspace_of_row
from max.kernels.recording import (
    Empty,
    KernelCall,
    Record,
    Recording,
    are_contiguous,
    load_function,
)

_CODES = {**{name: code for code, name in enumerate(ACTIVATIONS)}, SWISH_PLUS_ONE: 100}


class _ExpertMatrix(ctypes.Structure):
    """One matrix of each expert; of `include/experts.h`, as the next."""

    _fields_ = (
        ("packed", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("bytes", ctypes.c_int64),
        ("encoding", ctypes.c_int64),
        ("grid", ctypes.c_void_p),
    )


class _ExpertsArgs(ctypes.Structure):
    """A call without adapters."""

    _fields_ = (
        ("x", ctypes.c_void_p),
        ("routes", ctypes.c_void_p),
        ("out", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("in_features", ctypes.c_int64),
        ("x_stride", ctypes.c_int64),
        ("width", ctypes.c_int64),
        ("experts", ctypes.c_int64),
        ("top_k", ctypes.c_int64),
        ("gate", _ExpertMatrix),
        ("up", _ExpertMatrix),
        ("down", _ExpertMatrix),
        ("products", ctypes.c_void_p),
        ("counts", ctypes.c_void_p),
        ("slots", ctypes.c_void_p),
        ("gathered", ctypes.c_void_p),
        ("gates", ctypes.c_void_p),
        ("ups", ctypes.c_void_p),
        ("workspace", ctypes.c_void_p),
        ("row_bytes_in", ctypes.c_int64),
        ("row_bytes_width", ctypes.c_int64),
        ("limit", ctypes.c_float),
        ("activation", ctypes.c_int32),
        ("scales_input", ctypes.c_int32),
        ("type", ctypes.c_int32),
    )


class _ExpertAdapters(ctypes.Structure):
    """What adapters add; of `cpu.cpp`, as the next."""

    _fields_ = (
        ("of_row", ctypes.c_void_p),
        ("slots", ctypes.c_void_p),
        ("add", ctypes.c_void_p),
        ("gates", ctypes.c_void_p),
        ("ups", ctypes.c_void_p),
        ("downs", ctypes.c_void_p),
    )


class _AdaptedExpertsArgs(ctypes.Structure):
    """All of a call."""

    _fields_ = (("experts", _ExpertsArgs), ("adapters", _ExpertAdapters))


def make_experts_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function, products = load_function("experts", isa), products_function(isa)
    add_adapters = load_function("lora_linear", isa)
    if function is None or products is None or add_adapters is None:
        return None

    def record(
        empty: Empty,
        x: torch.Tensor,
        routes: torch.Tensor,
        adapter_of_row: torch.Tensor | None,
        gate: torch.Tensor,
        up: torch.Tensor,
        down: torch.Tensor,
        biases: Sequence[torch.Tensor | None],
        adapters: Sequence[torch.Tensor],
        encodings: Sequence[str],
        are_packed: Sequence[bool],
        experts: int,
        width: int,
        activation: str,
        limit: float,
        scales_input: bool,
    ) -> Recording | None:
        if not all(are_packed) or x.dtype not in ELEMENT_TYPES or x.stride(1) != 1:
            return None
        if not are_contiguous(routes, *adapters):
            return None
        rows, hidden = x.shape
        top_k = routes.shape[1] // 2
        shapes = ((width, hidden), (width, hidden), (hidden, width))
        panels = [Panels(*shape, e) for shape, e in zip(shapes, encodings, strict=True)]
        if panels[0].way != panels[1].way:
            return None
        slots = rows * top_k
        row_bytes = [workspace_of_row(x.dtype, each) for each in (panels[0], panels[2])]
        out = empty((rows, hidden), x.dtype)
        scratch = (
            empty((slots,), torch.int64),
            empty((slots, hidden), x.dtype),
            empty((slots, width), x.dtype),
            empty((slots, width), x.dtype),
            empty((slots, max(row_bytes)), torch.uint8),
        )
        of_adapters, added = _ExpertAdapters(), list[LoraLinearArgs]()
        named = empty((slots if adapters else 0, 1), torch.int32)
        if adapter_of_row is not None:
            _, gathered, gates, ups, _ = scratch
            places = ((gates, gathered), (ups, gathered), (gathered, gates))
            added = [
                lora_linear_args(y, x_read, named, *tables)
                for (y, x_read), tables in zip(places, tables_of_matrices(adapters), strict=True)
            ]
            of_adapters = _ExpertAdapters(
                adapter_of_row.data_ptr(),
                named.data_ptr(),
                ctypes.cast(add_adapters, ctypes.c_void_p),  # type: ignore[arg-type]
                *(ctypes.addressof(each) for each in added),
            )
        counts = torch.zeros(experts, dtype=torch.int64)
        matrices = [
            _ExpertMatrix(
                stack.data_ptr(),
                None if bias is None else bias.data_ptr(),
                each.nbytes,
                ENCODINGS[each.encoding],
                each.grid,
            )
            for stack, bias, each in zip((gate, up, down), biases, panels, strict=True)
        ]
        plain = _ExpertsArgs(
            x.data_ptr(),
            routes.data_ptr(),
            out.data_ptr(),
            rows,
            hidden,
            x.stride(0),
            width,
            experts,
            top_k,
            *matrices,
            products,
            counts.data_ptr(),
            *(each.data_ptr() for each in scratch),
            *row_bytes,
            limit,
            _CODES[activation],
            scales_input,
            ELEMENT_TYPES[x.dtype],
        )
        read = min(experts, slots) * sum(each.nbytes for each in panels)
        moved = read + 2 * x.nbytes
        args = _AdaptedExpertsArgs(plain, of_adapters)
        kept = (scratch, counts, named, added)
        return Recording(out, KernelCall(function, args, kept), moved, counts)

    return record
