"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import torch

from max.kernels.flash_attention_ragged.reference import flash_attention_ragged_reference
from max.kernels.native import load_kernel

_POINTER, _SIZE, _FLOAT, _BOOL = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float, ctypes.c_bool
_DTYPES = (torch.float32, torch.bfloat16)


def make_flash_attention_ragged_cpu() -> Callable[..., torch.Tensor] | None:
    """The op in C++, for float32 and bfloat16; None where it cannot be built."""
    library = load_kernel("flash_attention_ragged")
    if library is None:
        return None
    function = library.flash_attention_ragged
    function.restype = None
    function.argtypes = (
        *(_POINTER,) * 6,
        *(_SIZE,) * 8,
        *(_FLOAT, _BOOL, _SIZE),
        *(_BOOL, _BOOL, _SIZE),
    )

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
        if q.dtype not in _DTYPES or kv_blocks.dtype not in _DTYPES:
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
        function(
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
            scale,
            causal,
            window,
            q.dtype == torch.bfloat16,
            kv_blocks.dtype == torch.bfloat16,
            torch.get_num_threads(),
        )
        return out

    return flash_attention_ragged_cpu
