"""Calls `cpu.cpp`."""

from __future__ import annotations

import torch

from max.kernels.eight_bit_entries import entry_elements
from max.kernels.element_types import CACHE_TYPES, ELEMENT_TYPES
from max.kernels.flash_attention_ragged.structs import FlashAttentionRaggedArgs
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


def make_flash_attention_ragged_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function = load_function("flash_attention_ragged", isa)
    if function is None:
        return None

    def record(
        empty: Empty,
        q: torch.Tensor,
        input_row_offsets: torch.Tensor,
        kv_blocks: torch.Tensor,
        cache_lengths: torch.Tensor,
        lookup_table: torch.Tensor,
        layer: int,
        scale: float,
        causal: bool,
        window: int,
        chunk: int,
        softcap: float,
        sinks: torch.Tensor | None,
        bias: torch.Tensor | None,
    ) -> Recording | None:
        if q.dtype not in ELEMENT_TYPES or kv_blocks.dtype not in CACHE_TYPES:
            return None
        if not has_dense_pages(kv_blocks) or not are_contiguous(q, lookup_table):
            return None
        if sinks is not None and (sinks.dtype not in ELEMENT_TYPES or not are_contiguous(sinks)):
            return None
        if bias is not None and not are_contiguous(bias):
            return None
        layers, page_size, kv_heads, stored = kv_blocks.shape[2:]
        out = empty(q.shape, q.dtype)
        args = FlashAttentionRaggedArgs(
            q.data_ptr(),
            kv_blocks.data_ptr(),
            out.data_ptr(),
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
            window,
            chunk,
            None if sinks is None else sinks.data_ptr(),
            None if bias is None else bias.data_ptr(),
            0 if bias is None else bias.shape[1] // 2,
            scale,
            softcap,
            causal,
            kv_blocks.shape[1] == 1,
            ELEMENT_TYPES[q.dtype],
            CACHE_TYPES[kv_blocks.dtype],
            ELEMENT_TYPES[q.dtype if sinks is None else sinks.dtype],
        )
        page = kv_blocks.shape[1] * page_size * kv_heads * stored * kv_blocks.itemsize
        nbytes = 2 * q.nbytes + lookup_table.numel() * page
        return Recording(out, KernelCall(function, args), nbytes)

    return record
