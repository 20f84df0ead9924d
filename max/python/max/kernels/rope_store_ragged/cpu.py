"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes

import torch

from max.kernels.eight_bit_entries import entry_elements
from max.kernels.element_types import CACHE_TYPES, ELEMENT_TYPES
from max.kernels.isa import Isa
from max.kernels.paging import has_dense_pages
from max.kernels.recording import (
    Empty,
    KernelCall,
    Record,
    Recording,
    are_contiguous,
    load_function,
)


class RopeStoreRaggedArgs(ctypes.Structure):
    """The C struct of `include/rope_store_ragged.h`; batch and cache shape are spelled out."""

    _fields_ = (
        ("q", ctypes.c_void_p),
        ("k", ctypes.c_void_p),
        ("v", ctypes.c_void_p),
        ("kv_blocks", ctypes.c_void_p),
        ("out", ctypes.c_void_p),
        ("freqs_cis", ctypes.c_void_p),
        ("offsets", ctypes.c_void_p),
        ("past", ctypes.c_void_p),
        ("lookup", ctypes.c_void_p),
        ("requests", ctypes.c_int64),
        ("lookup_width", ctypes.c_int64),
        ("page_stride", ctypes.c_int64),
        ("layers", ctypes.c_int64),
        ("page_size", ctypes.c_int64),
        ("kv_heads", ctypes.c_int64),
        ("stored", ctypes.c_int64),
        ("token_stride", ctypes.c_int64),
        ("head_stride", ctypes.c_int64),
        ("layer", ctypes.c_int64),
        ("heads", ctypes.c_int64),
        ("half", ctypes.c_int64),
        ("q_stride", ctypes.c_int64),
        ("k_stride", ctypes.c_int64),
        ("v_stride", ctypes.c_int64),
        ("interleaved", ctypes.c_int32),
        ("type", ctypes.c_int32),
        ("kv_type", ctypes.c_int32),
    )


def make_rope_store_ragged_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function = load_function("rope_store_ragged", isa)
    if function is None:
        return None

    def record(
        empty: Empty,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        input_row_offsets: torch.Tensor,
        freqs_cis: torch.Tensor | None,
        kv_blocks: torch.Tensor,
        cache_lengths: torch.Tensor,
        lookup_table: torch.Tensor,
        layer: int,
        interleaved: bool,
    ) -> Recording | None:
        if q.dtype not in ELEMENT_TYPES or kv_blocks.dtype not in CACHE_TYPES:
            return None
        if not q.dtype == k.dtype == v.dtype:
            return None
        if not has_dense_pages(kv_blocks) or not are_contiguous(lookup_table):
            return None
        if any(each.ndim != 2 or each.stride(1) != 1 for each in (q, k, v)):
            return None  # They may be columns of one tensor: of a stacked projection.
        if freqs_cis is not None and not are_contiguous(freqs_cis):
            return None
        layers, page_size, kv_heads, stored = kv_blocks.shape[2:]
        out = empty(q.shape, q.dtype)
        args = RopeStoreRaggedArgs(
            q.data_ptr(),
            k.data_ptr(),
            v.data_ptr(),
            kv_blocks.data_ptr(),
            out.data_ptr(),
            None if freqs_cis is None else freqs_cis.data_ptr(),
            input_row_offsets.data_ptr(),
            cache_lengths.data_ptr(),
            lookup_table.data_ptr(),
            len(cache_lengths),
            lookup_table.shape[-1],
            kv_blocks.stride(0),
            layers,
            page_size,
            kv_heads,
            stored,
            kv_blocks.stride(3),
            kv_blocks.stride(4),
            layer,
            q.shape[-1] // entry_elements(kv_blocks),
            0 if freqs_cis is None else freqs_cis.shape[1],
            q.stride(0),
            k.stride(0),
            v.stride(0),
            interleaved,
            ELEMENT_TYPES[q.dtype],
            CACHE_TYPES[kv_blocks.dtype],
        )
        nbytes = 2 * (q.nbytes + k.nbytes + v.nbytes)
        return Recording(out, KernelCall(function, args), nbytes)

    return record
