"""Schema of `max::flash_attention_ragged`."""

from __future__ import annotations

import torch

from max.kernels.eight_bit_entries import entry_elements
from max.kernels.flash_attention_ragged.cpu import make_flash_attention_ragged_record
from max.kernels.flash_attention_ragged.reference import flash_attention_ragged_reference
from max.kernels.registry import define_op, implement_on_cpu, implement_on_gpu


def _fake(
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
) -> torch.Tensor:
    kv_heads, head_dim = kv_blocks.shape[-2], entry_elements(kv_blocks)
    torch._check(
        q.shape[-1] % (kv_heads * head_dim) == 0,
        lambda: f"q has {q.shape[-1]} columns, no multiple of {kv_heads} KV heads of {head_dim}",
    )
    heads = q.shape[-1] // head_dim
    torch._check(
        sinks is None or list(sinks.shape) == [heads],
        lambda: f"there are {heads} query heads; sinks is {list(sinks.shape)}",  # type: ignore[union-attr]
    )
    torch._check(
        bias is None
        or (
            (bias.ndim == 2 and bias.shape[0] == heads and bias.shape[1] % 2 == 1)
            and bias.dtype == torch.float32
        ),
        lambda: (
            f"bias is float32 [{heads} query heads, an odd number of distances], "
            f"got {bias.dtype} {list(bias.shape)}"  # type: ignore[union-attr]
        ),
    )
    return torch.empty_like(q)


flash_attention_ragged = define_op(
    "flash_attention_ragged(Tensor q, Tensor input_row_offsets, Tensor kv_blocks,"
    " Tensor cache_lengths, Tensor lookup_table, int layer, float scale, bool causal, int window,"
    " int chunk, float softcap, Tensor? sinks, Tensor? bias) -> Tensor",
    reference=flash_attention_ragged_reference,
    fake=_fake,
)
implement_on_cpu(
    flash_attention_ragged, make_flash_attention_ragged_record, flash_attention_ragged_reference
)
implement_on_gpu(flash_attention_ragged, flash_attention_ragged_reference)
