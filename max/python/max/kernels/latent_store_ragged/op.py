"""Schema of `max::latent_store_ragged`."""

from __future__ import annotations

import torch

from max.kernels.eight_bit_entries import entry_elements
from max.kernels.latent_store_ragged.cpu import make_latent_store_ragged_record
from max.kernels.latent_store_ragged.reference import latent_store_ragged_reference
from max.kernels.registry import define_op, implement_on_cpu, implement_on_gpu


def _fake(
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
) -> torch.Tensor:
    width, rank = entry_elements(kv_blocks), weight.shape[0]
    torch._check(
        kv.shape[-1] == width and kv_blocks.shape[1] == 1 and kv_blocks.shape[-2] == 1,
        lambda: f"kv has {kv.shape[-1]} columns, the cache entries of {list(kv_blocks.shape)}",
    )
    torch._check(
        absorbed.shape[-1] == heads * rank and freqs_cis.shape[1] * 2 == width - rank,
        lambda: (
            f"{heads} heads of rank {rank} and width {width}: absorbed is {list(absorbed.shape)}, "
            f"freqs_cis is {list(freqs_cis.shape)}"
        ),
    )
    return q.new_empty([q.shape[0], heads * width])


latent_store_ragged = define_op(
    "latent_store_ragged(Tensor q, Tensor absorbed, Tensor kv, Tensor weight, float eps, int heads,"
    " Tensor input_row_offsets, Tensor freqs_cis, Tensor(a!) kv_blocks, Tensor cache_lengths,"
    " Tensor lookup_table, int layer, bool interleaved) -> Tensor",
    reference=latent_store_ragged_reference,
    fake=_fake,
)
implement_on_cpu(
    latent_store_ragged, make_latent_store_ragged_record, latent_store_ragged_reference
)
implement_on_gpu(latent_store_ragged, latent_store_ragged_reference)
