"""Names of an MPNet checkpoint's weights, as the model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from max.dtype import DType
from max.graph import Shape
from max.graph.weights import WeightData, Weights
from max.graph.weights.renames import Renames
from max.pipelines.architectures.mpnet.buckets import buckets_of_distances

_SAFETENSORS = Renames(
    {
        "mpnet.": "",
        "encoder.": "",
        "embeddings.word_embeddings": "embed_tokens",
        "embeddings.position_embeddings": "embed_positions",
        "embeddings.LayerNorm": "embed_norm",
        "layer": "layers",
        "attention.attn.q": "self_attn.q_proj",
        "attention.attn.k": "self_attn.k_proj",
        "attention.attn.v": "self_attn.v_proj",
        "attention.attn.o": "self_attn.o_proj",
        "attention.LayerNorm": "attention_norm",
        "intermediate.dense": "mlp.up_proj",
        "output.dense": "mlp.down_proj",
        "output.LayerNorm": "mlp_norm",
        "relative_attention_bias.weight": "distance_bias",
    },
    dropped=("pooler", "lm_head", "position_ids"),
)


def convert_safetensor_state_dict(
    state_dict: Mapping[str, Weights], **unused: Any
) -> dict[str, WeightData]:
    """Renames the weights, and spreads the buckets' biases over the distances in them."""
    weights = _SAFETENSORS(state_dict)
    stored = weights["distance_bias"]

    def spread() -> torch.Tensor:
        table = stored.to_buffer().tensor.float()  # [buckets, heads]
        return table[buckets_of_distances(len(table))].T.contiguous()

    num_buckets, heads = stored.shape.static_dims
    shape = Shape([heads, len(buckets_of_distances(num_buckets))])
    return {**weights, "distance_bias": stored.derived(spread, DType.float32, shape)}
