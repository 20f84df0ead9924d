"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import torch

from max.kernels.native import load_kernel
from max.kernels.rope_store_ragged.reference import rope_store_ragged_reference

_POINTER, _SIZE, _BOOL = ctypes.c_void_p, ctypes.c_int64, ctypes.c_bool
_DTYPES = (torch.float32, torch.bfloat16)


def make_rope_store_ragged_cpu() -> Callable[..., torch.Tensor] | None:
    """The op in C++, for float32 and bfloat16; None where it cannot be built."""
    library = load_kernel("rope_store_ragged")
    if library is None:
        return None
    function = library.rope_store_ragged
    function.restype = None
    function.argtypes = (*(_POINTER,) * 9, *(_SIZE,) * 9, *(_BOOL,) * 3)

    def rope_store_ragged_cpu(
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        input_row_offsets: torch.Tensor,
        freqs_cis: torch.Tensor,
        kv_blocks: torch.Tensor,
        cache_lengths: torch.Tensor,
        lookup_table: torch.Tensor,
        layer: int,
        interleaved: bool,
    ) -> torch.Tensor:
        same_dtype = q.dtype == k.dtype == v.dtype
        if q.dtype not in _DTYPES or kv_blocks.dtype not in _DTYPES or not same_dtype:
            return rope_store_ragged_reference(
                q,
                k,
                v,
                input_row_offsets,
                freqs_cis,
                kv_blocks,
                cache_lengths,
                lookup_table,
                layer,
                interleaved,
            )
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
        freqs_cis, lookup_table = freqs_cis.contiguous(), lookup_table.contiguous()
        layers, page_size, kv_heads, head_dim = kv_blocks.shape[2:]
        out = torch.empty_like(q)
        function(
            q.data_ptr(),
            k.data_ptr(),
            v.data_ptr(),
            kv_blocks.data_ptr(),
            out.data_ptr(),
            input_row_offsets.data_ptr(),
            cache_lengths.data_ptr(),
            lookup_table.data_ptr(),
            freqs_cis.data_ptr(),
            len(cache_lengths),
            lookup_table.shape[-1],
            layers,
            page_size,
            kv_heads,
            head_dim,
            layer,
            q.shape[-1] // head_dim,
            freqs_cis.shape[1],
            interleaved,
            q.dtype == torch.bfloat16,
            kv_blocks.dtype == torch.bfloat16,
        )
        return out

    return rope_store_ragged_cpu
