"""Calls `cpu.cpp`."""

from __future__ import annotations

import torch

from max.kernels.c_struct import CStruct, int32s, int64s, pointers
from max.kernels.element_types import ELEMENT_TYPES
from max.kernels.recording import (
    CFunction,
    Empty,
    KernelCall,
    Recording,
    are_contiguous,
    kernel_record,
)


class LoraEmbeddingArgs(CStruct):
    """The C struct of `include/lora.h`."""

    _fields_ = (
        *pointers("y", "ids", "slots", "a", "b", "scales", "ranks"),
        *int64s("rows", "inputs", "outputs", "rank", "num_slots"),
        *int32s("type", "adapter_type"),
    )


def _record(
    function: CFunction,
    empty: Empty,
    y: torch.Tensor,
    ids: torch.Tensor,
    slots: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    scales: torch.Tensor,
    ranks: torch.Tensor,
) -> Recording | None:
    tensors = (y, ids, slots, a, b, scales, ranks)
    if y.dtype not in ELEMENT_TYPES or ids.dtype != torch.int64 or not are_contiguous(*tensors):
        return None
    num_slots, inputs, rank = a.shape
    args = LoraEmbeddingArgs(
        *tensors,
        len(y),
        inputs,
        y.shape[1],
        rank,
        num_slots,
        ELEMENT_TYPES[y.dtype],
        ELEMENT_TYPES[a.dtype],
    )
    return Recording(y, KernelCall(function, args), ids.nbytes + slots.nbytes)


make_lora_embedding_record = kernel_record("lora_embedding", _record)
