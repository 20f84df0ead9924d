"""Names of a decoder's weights in checkpoints, as most families have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from max.graph import Shape
from max.graph.weights.renames import Renames

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from max.graph.weights import WeightData, Weights

# Parts of Hugging Face's names -> ours.
SAFETENSORS_NAMES = {"model.": ""}
# Parts of GGUF's names -> ours, of pre-norm blocks.
GGUF_NAMES = {
    "token_embd": "embed_tokens",
    "blk": "layers",
    "attn_norm": "input_layernorm",
    "attn_qkv": "self_attn.qkv_proj",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "ffn_gate": "mlp.gate_proj",
    "output_norm": "norm",
    "output.weight": "lm_head.weight",
    "output.bias": "lm_head.bias",
}
# The norms of blocks that have some before and some after their parts.
GGUF_SANDWICH_NAMES = {
    **GGUF_NAMES,
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}

# Queries, keys and values, and what an MLP multiplies, where they stand in one matrix.
_QKV, _GATE_UP = "qkv_proj", "gate_up_proj"


def split_stacked(
    weights: Mapping[str, WeightData],
    huggingface_config: PretrainedConfig,
    kv_heads: int | None = None,
) -> dict[str, WeightData]:
    """Weights of which `qkv_proj` and `gate_up_proj`, if any, become those of their parts.

    Rows of queries stand before those of keys and values, those of the gate before those of up.

    Args:
        weights: by our names, but for those.
        huggingface_config: gives the sizes.
        kv_heads: where config.json calls them otherwise than `num_key_value_heads`.

    Raises:
        ValueError: if there are other rows than config.json says.
    """
    hf = huggingface_config
    heads = hf.num_attention_heads
    head_dim = getattr(hf, "head_dim", None) or hf.hidden_size // heads
    kv_rows = (kv_heads or getattr(hf, "num_key_value_heads", None) or heads) * head_dim
    rows = {_QKV: {"q_proj": heads * head_dim, "k_proj": kv_rows, "v_proj": kv_rows}}
    if isinstance(wide := getattr(hf, "intermediate_size", None), int):
        rows[_GATE_UP] = {"gate_proj": wide, "up_proj": wide}
    found: dict[str, WeightData] = {}
    for name, data in weights.items():
        stem, _, kind = name.rpartition(".")
        parent, _, last = stem.rpartition(".")
        parts = rows.get(last, {})
        if not parts:
            found[name] = data
            continue
        if data.shape.static_dims in ([], [1]):  # a factor of the whole matrix
            found |= {f"{parent}.{part}.{kind}": data for part in parts}
            continue
        if (has := data.shape.static_dims[0]) != (wanted := sum(parts.values())):
            raise ValueError(f"'{name}' has {has} rows, but config.json asks for {wanted}")
        start = 0
        for part, count in parts.items():
            found[f"{parent}.{part}.{kind}"] = rows_of(data, slice(start, start + count), count)
            start += count
    return found


def split_grouped(
    weights: Mapping[str, WeightData], heads: int, kv_heads: int, head_dim: int
) -> dict[str, WeightData]:
    """Weights of which `qkv_proj` becomes those of its parts; each KV head's rows stand together.

    They are those of its queries, of its key, and of its value (Falcon, InternLM2).

    Raises:
        ValueError: if there are other rows than heads and sizes ask for.
    """
    count = (heads + 2 * kv_heads) * head_dim
    groups = torch.arange(count).view(kv_heads, heads // kv_heads + 2, head_dim)
    parts = {"q_proj": groups[:, :-2], "k_proj": groups[:, -2], "v_proj": groups[:, -1]}
    found: dict[str, WeightData] = {}
    for name, data in weights.items():
        if f".{_QKV}." not in name:
            found[name] = data
            continue
        if (has := data.shape.static_dims[0]) != count:
            raise ValueError(f"'{name}' has {has} rows, but config.json asks for {count}")
        for part, rows in parts.items():
            picked = rows.flatten()
            found[name.replace(_QKV, part)] = rows_of(data, picked, len(picked))
    return found


def rows_of(data: WeightData, picked: slice | torch.Tensor, count: int) -> WeightData:
    """Some rows of a matrix, encoded or not, or some elements of a bias.

    Args:
        data: the weight.
        picked: which, as tensors are indexed.
        count: how many that is.
    """
    shape = Shape([count, *data.shape.static_dims[1:]])
    encoding = data.quantization_encoding
    return data.derived(
        lambda: data.to_buffer().tensor[picked].contiguous(), data.dtype, shape, encoding
    )


class SplitRenames(Renames):
    """Names of weights of which those that stand in one matrix are taken apart."""

    def __call__(self, state_dict: Mapping[str, Weights], **settings: Any) -> dict[str, WeightData]:
        """See `Renames` and `split_stacked`."""
        return split_stacked(super().__call__(state_dict), settings["huggingface_config"])


# `model.layers.0.self_attn.q_proj.weight` -> `layers.0.self_attn.q_proj.weight`
convert_safetensors = Renames(SAFETENSORS_NAMES)
# `blk.0.attn_q.weight` -> `layers.0.self_attn.q_proj.weight`
convert_gguf = SplitRenames(GGUF_NAMES)
# The same, of models with norms after their blocks' parts.
convert_gguf_sandwich = SplitRenames(GGUF_SANDWICH_NAMES)
