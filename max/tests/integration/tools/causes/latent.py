"""Latent attention, from queries and compressed keys to what the output projection is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from integration.tools.causes import attention
from integration.tools.causes.cause import Trial
from max.nn.attention import LatentAttention

Weights = Mapping[str, torch.Tensor]


def trials(
    layer: LatentAttention,
    weights: Weights,
    q: torch.Tensor,
    compressed: torch.Tensor,
    hf_config: Mapping[str, Any],
    torch_module: Any,
    torch_frequencies: list[torch.Tensor],
) -> Iterator[Trial]:
    """What is tried: as on any attention, whose keys and values are expanded.

    Args:
        layer: ours.
        weights: by their names within the layer.
        q: [rows, heads * (nope + turned)].
        compressed: what `kv_a_proj` gives, [rows, rank + turned].
        hf_config: see `attention.trials`.
        torch_module: likewise.
        torch_frequencies: likewise.
    """
    heads, values = weights["v_b.weight"].shape[:2]
    rank, nope = weights["k_b.weight"].shape[1:]
    latent = compressed[:, :rank]
    latent = latent * torch.rsqrt(latent.square().mean(-1, keepdim=True) + 1e-6)
    latent = latent * weights["kv_a_norm.weight"]
    keys = torch.einsum("tr,hrn->thn", latent, weights["k_b.weight"])
    made = torch.einsum("tr,hvr->thv", latent, weights["v_b.weight"])
    shared = compressed[:, None, rank:].expand(-1, heads, -1)
    queries = q.unflatten(-1, (heads, -1))
    # What is turned stands first, as in heads of which a part is; values are filled up.
    queries = torch.cat((queries[..., nope:], queries[..., :nope]), -1)
    keys = torch.cat((shared, keys), -1)
    size = keys.shape[-1]
    made = torch.nn.functional.pad(made, (0, size - values))
    form = attention.Form(
        heads,
        size,
        layer.scale,
        layer.rope.inverse_frequencies(),
        layer.rope.scaling.magnitude(),
        layer.rope.interleaved,
    )
    qkv = (queries.flatten(1), keys.flatten(1), made.flatten(1))
    for trial in attention.trials(form, qkv, hf_config, torch_module, torch_frequencies, []):
        result = trial.result.unflatten(-1, (heads, size))[..., :values].flatten(1)
        yield replace(trial, result=result)
