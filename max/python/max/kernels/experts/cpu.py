"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import torch

from max.kernels.c_struct import CStruct, floats, int32s, int64s, pointers
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


class _ExpertMatrix(CStruct):
    """One matrix of each expert; of `include/experts.h`, as the next."""

    _fields_ = (*pointers("packed", "bias"), *int64s("bytes", "encoding"), *pointers("grid"))


class _ExpertsArgs(CStruct):
    """A call without adapters."""

    _fields_ = (
        *pointers("x", "routes", "out"),
        *int64s("rows", "in_features", "x_stride", "width", "experts", "top_k"),
        ("gate", _ExpertMatrix),
        ("up", _ExpertMatrix),
        ("down", _ExpertMatrix),
        *pointers("products", "counts", "slots", "gathered", "gates", "ups", "workspace"),
        *int64s("row_bytes_in", "row_bytes_width"),
        *floats("limit"),
        *int32s("activation", "scales_input", "type"),
    )


class _ExpertAdapters(CStruct):
    """What adapters add; of `cpu.cpp`, as the next."""

    _fields_ = (*pointers("of_row", "slots", "add", "gates", "ups", "downs"),)


class _AdaptedExpertsArgs(CStruct):
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
        row_bytes = [workspace_of_row(each) for each in (panels[0], panels[2])]
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
                adapter_of_row,
                named,
                ctypes.cast(add_adapters, ctypes.c_void_p),  # type: ignore[arg-type]
                *(ctypes.addressof(each) for each in added),
            )
        counts = torch.zeros(experts, dtype=torch.int64)
        matrices = [
            _ExpertMatrix(stack, bias, each.nbytes, ENCODINGS[each.encoding], each.grid)
            for stack, bias, each in zip((gate, up, down), biases, panels, strict=True)
        ]
        plain = _ExpertsArgs(
            x,
            routes,
            out,
            rows,
            hidden,
            x.stride(0),
            width,
            experts,
            top_k,
            *matrices,
            products,
            counts,
            *scratch,
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
