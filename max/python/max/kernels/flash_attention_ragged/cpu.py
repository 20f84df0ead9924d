"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import torch

from max.kernels.flash_attention_ragged.reference import flash_attention_ragged_reference
from max.kernels.flash_attention_ragged.structs import FlashAttentionRaggedArgs
from max.kernels.isa import Isa
from max.kernels.native import load_kernel
from max.kernels.packed_linear.structs import ELEMENT_TYPES
from max.kernels.thread_pool import pool_handle


def make_flash_attention_ragged_cpu(isa: Isa | None = None) -> Callable[..., torch.Tensor] | None:
    """The op in C++, for float32 and bfloat16; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    library = load_kernel("flash_attention_ragged", isa)
    if library is None:
        return None
    run = library.flash_attention_ragged
    run.argtypes, run.restype = (ctypes.c_void_p, ctypes.c_void_p), None

    def flash_attention_ragged_cpu(
        q: torch.Tensor,
        input_row_offsets: torch.Tensor,
        kv_blocks: torch.Tensor,
        cache_lengths: torch.Tensor,
        lookup_table: torch.Tensor,
        layer: int,
        scale: float,
        causal: bool,
        window: int,
    ) -> torch.Tensor:
        if q.dtype not in ELEMENT_TYPES or kv_blocks.dtype not in ELEMENT_TYPES:
            return flash_attention_ragged_reference(
                q,
                input_row_offsets,
                kv_blocks,
                cache_lengths,
                lookup_table,
                layer,
                scale,
                causal,
                window,
            )
        q, lookup_table = q.contiguous(), lookup_table.contiguous()
        layers, page_size, kv_heads, head_dim = kv_blocks.shape[2:]
        out = torch.empty_like(q)
        args = FlashAttentionRaggedArgs(
            q.data_ptr(),
            kv_blocks.data_ptr(),
            out.data_ptr(),
            input_row_offsets.data_ptr(),
            cache_lengths.data_ptr(),
            lookup_table.data_ptr(),
            len(cache_lengths),
            lookup_table.shape[-1],
            layers,
            page_size,
            kv_heads,
            head_dim,
            layer,
            q.shape[-1] // head_dim,
            window,
            scale,
            causal,
            ELEMENT_TYPES[q.dtype],
            ELEMENT_TYPES[kv_blocks.dtype],
        )
        run(ctypes.addressof(args), pool_handle())
        return out

    return flash_attention_ragged_cpu
