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


class _LatentStoreRaggedArgs(ctypes.Structure):
    """The C struct of `include/latent_store_ragged.h`; batch and cache shape are spelled out."""

    _fields_ = (
        ("q", ctypes.c_void_p),
        ("absorbed", ctypes.c_void_p),
        ("kv", ctypes.c_void_p),
        ("weight", ctypes.c_void_p),
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
        ("q_width", ctypes.c_int64),
        ("rank", ctypes.c_int64),
        ("turned", ctypes.c_int64),
        ("q_stride", ctypes.c_int64),
        ("kv_stride", ctypes.c_int64),
        ("eps", ctypes.c_float),
        ("interleaved", ctypes.c_int32),
        ("type", ctypes.c_int32),
        ("kv_type", ctypes.c_int32),
    )


def make_latent_store_ragged_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function = load_function("latent_store_ragged", isa)
    if function is None:
        return None

    def record(
        empty: Empty,
        q: torch.Tensor,
        absorbed: torch.Tensor,
        kv: torch.Tensor,
        weight: torch.Tensor,
        eps: float,
        heads: int,
        input_row_offsets: torch.Tensor,
        freqs_cis: torch.Tensor,
        kv_blocks: torch.Tensor,
        cache_lengths: torch.Tensor,
        lookup_table: torch.Tensor,
        layer: int,
        interleaved: bool,
    ) -> Recording | None:
        if q.dtype not in ELEMENT_TYPES or kv_blocks.dtype not in CACHE_TYPES:
            return None
        if not q.dtype == absorbed.dtype == kv.dtype == weight.dtype:
            return None
        if not are_contiguous(absorbed, weight, freqs_cis, lookup_table):
            return None
        if not has_dense_pages(kv_blocks) or q.stride(1) != 1 or kv.stride(1) != 1:
            return None
        layers, page_size, kv_heads, stored = kv_blocks.shape[2:]
        rank, width = len(weight), entry_elements(kv_blocks)
        out = empty((len(q), heads * width), q.dtype)
        args = _LatentStoreRaggedArgs(
            q.data_ptr(),
            absorbed.data_ptr(),
            kv.data_ptr(),
            weight.data_ptr(),
            kv_blocks.data_ptr(),
            out.data_ptr(),
            freqs_cis.data_ptr(),
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
            heads,
            q.shape[-1] // heads,
            rank,
            width - rank,
            q.stride(0),
            kv.stride(0),
            eps,
            interleaved,
            ELEMENT_TYPES[q.dtype],
            CACHE_TYPES[kv_blocks.dtype],
        )
        nbytes = q.nbytes + absorbed.nbytes + 2 * kv.nbytes + out.nbytes
        return Recording(out, KernelCall(function, args), nbytes)

    return record
