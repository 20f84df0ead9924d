"""Checkpoints as families write them whose code is not in transformers, made of a relative's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

Tensors = dict[str, torch.Tensor]
Config = dict[str, Any]

_INTERNLM2_NAMES = {
    "embed_tokens": "tok_embeddings",
    "self_attn.o_proj": "attention.wo",
    "input_layernorm": "attention_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "feed_forward.w1",
    "mlp.up_proj": "feed_forward.w3",
    "mlp.down_proj": "feed_forward.w2",
    "lm_head": "output",
}


def _internlm2(config: Config, weights: Tensors) -> tuple[Config, Tensors]:
    """Of a Llama: each KV head's rows of queries, keys and values stand together."""
    kv_heads, size = config["num_key_value_heads"], config["head_dim"]
    made: Tensors = {}
    for name, tensor in weights.items():
        if ".q_proj." in name:
            own = (weights[name.replace("q_proj", part)] for part in ("q_proj", "k_proj", "v_proj"))
            groups = [rows.view(kv_heads, -1, size, rows.shape[-1]) for rows in own]
            stem = name.replace("self_attn.q_proj", "attention.wqkv")
            made[stem] = torch.cat(groups, dim=1).flatten(0, 2).contiguous()
        elif ".k_proj." not in name and ".v_proj." not in name:
            for theirs, its in _INTERNLM2_NAMES.items():
                name = name.replace(theirs, its)
            made[name] = tensor
    rope = {"rope_theta": config["rope_parameters"]["rope_theta"], "bias": False}
    rope["rope_scaling"] = {"type": "dynamic", "factor": 2.0}
    return {**_usual(config), **rope, "model_type": "internlm2"}, made


def _minicpm(config: Config, weights: Tensors) -> tuple[Config, Tensors]:
    """Of a Granite: the factors are given in another way."""
    own = {
        "scale_emb": config["embedding_multiplier"],
        "scale_depth": config["residual_multiplier"] * config["num_hidden_layers"] ** 0.5,
        "dim_model_base": config["hidden_size"] / config["logits_scaling"],
    }
    return {**_usual(config), **own, "model_type": "minicpm"}, weights


def _usual(config: Config) -> Config:
    """What decoders have."""
    names = (
        *("hidden_act", "hidden_size", "intermediate_size", "max_position_embeddings"),
        *("num_attention_heads", "num_hidden_layers", "num_key_value_heads", "rms_norm_eps"),
        *("vocab_size", "tie_word_embeddings", "bos_token_id", "eos_token_id"),
    )
    return {name: config[name] for name in names}


_REWRITES: Mapping[str, Callable[[Config, Tensors], tuple[Config, Tensors]]] = {
    "InternLM2ForCausalLM": _internlm2,
    "MiniCPMForCausalLM": _minicpm,
}


def write_remote(checkpoint: Path, folder: Path, architecture: str) -> Path:
    """Writes a checkpoint as that architecture would have it.

    Args:
        checkpoint: of its relative.
        folder: created; must not exist.
        architecture: `architectures[0]`.

    Returns:
        The folder.
    """
    shutil.copytree(checkpoint, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config, weights = _REWRITES[architecture](config, load_file(folder / "model.safetensors"))
    code = {"AutoConfig": "configuration.Config", "AutoModelForCausalLM": "modeling.Model"}
    config |= {"architectures": [architecture], "auto_map": code}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder
