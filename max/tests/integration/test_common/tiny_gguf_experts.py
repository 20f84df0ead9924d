"""GGUF files of models with experts: those of `tiny_gguf`, with stacks in place of experts."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from integration.test_common.tiny_gguf import as_people_have_them, write_gguf

_NUMBERED = re.compile(r"(.*)(?:mlp|block_sparse_moe)\.experts\.(\d+)\.(\w+)\.weight")
_PARTS = {"w1": "gate", "w2": "down", "w3": "up"}
_OTHERS = {
    "block_sparse_moe.gate.weight": "ffn_gate_inp.weight",
    "mlp.router.": "ffn_gate_inp.",
    "self_attn.sinks": "attn_sinks.weight",
    "mlp.gate.weight": "ffn_gate_inp.weight",
    "mlp.shared_expert_gate.weight": "ffn_gate_inp_shexp.weight",
    "mlp.shared_expert.gate_proj": "ffn_gate_shexp",
    "mlp.shared_expert.up_proj": "ffn_up_shexp",
    "mlp.shared_expert.down_proj": "ffn_down_shexp",
}
# Hugging Face's names -> GGUF's keys.
_SIZES = {
    "num_experts": "expert_count",
    "num_local_experts": "expert_count",
    "num_experts_per_tok": "expert_used_count",
    "moe_intermediate_size": "expert_feed_forward_length",
    "shared_expert_intermediate_size": "expert_shared_feed_forward_length",
}


def write_gguf_with_experts(checkpoint: Path, path: Path, encoding: str = "float32") -> Path:
    """Writes a checkpoint as one GGUF file; see `write_gguf`. Routers stay float32."""
    stacked = shutil.copytree(checkpoint, path.parent.with_name("stacked"))
    config: dict[str, Any] = json.loads((stacked / "config.json").read_text(encoding="utf-8"))
    architecture = {"mixtral": "llama", "gpt_oss": "gpt-oss"}.get(config["model_type"])
    architecture = architecture or config["model_type"].replace("_", "")
    (stacked / "config.json").write_text(
        json.dumps({**config, "model_type": architecture}), encoding="utf-8"
    )
    file = stacked / "model.safetensors"
    save_file(_stacked(load_file(file), architecture), file, metadata={"format": "pt"})
    return write_gguf(
        stacked,
        path,
        encoding,
        recipe=lambda name, usual: (
            "float32" if "gate_inp" in name else as_people_have_them(name, usual)
        ),
        metadata={
            **{f"{architecture}.{key}": config[n] for n, key in _SIZES.items() if n in config},
            **(_of_gpt_oss(config) if architecture == "gpt-oss" else {}),
        },
    )


def _of_gpt_oss(config: dict[str, Any]) -> dict[str, Any]:
    rope = config["rope_parameters"]
    return {
        "gpt-oss.expert_feed_forward_length": config["intermediate_size"],
        "gpt-oss.attention.sliding_window": config["sliding_window"],
        "gpt-oss.rope.scaling.type": rope["rope_type"],
        "gpt-oss.rope.scaling.factor": int(rope["factor"]),
        "gpt-oss.rope.scaling.original_context_length": rope["original_max_position_embeddings"],
    }


def _parted(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """gpt-oss's stacks [experts, in, out], gate and up in turn, as GGUF files have them."""
    found: dict[str, torch.Tensor] = {}
    for name, tensor in weights.items():
        layer, is_expert, matrix = name.partition("mlp.experts.")
        if not is_expert or matrix[0].isdecimal():
            found[name] = tensor
            continue
        kind = "bias" if matrix.endswith("_bias") else "weight"
        rows = tensor if kind == "bias" else tensor.transpose(1, 2)
        if matrix.startswith("down"):
            found[f"{layer}ffn_down_exps.{kind}"] = rows
        else:
            found[f"{layer}ffn_gate_exps.{kind}"] = rows[:, ::2]
            found[f"{layer}ffn_up_exps.{kind}"] = rows[:, 1::2]
    return found


def _stacked(weights: dict[str, torch.Tensor], architecture: str) -> dict[str, torch.Tensor]:
    stacks: dict[str, dict[int, torch.Tensor]] = {}
    found: dict[str, torch.Tensor] = {}
    for name, tensor in _parted(weights).items():
        if match := _NUMBERED.fullmatch(name):
            part = _PARTS.get(match[3], match[3].removesuffix("_proj"))
            stack = stacks.setdefault(f"{match[1]}ffn_{part}_exps.weight", {})
            stack[int(match[2])] = tensor
            continue
        for theirs, ours in _OTHERS.items():
            name = name.replace(theirs, ours)
        if architecture == "gpt-oss":
            name = name.replace("post_attention_layernorm", "post_attention_norm")
        found[name] = tensor[0] if "gate_inp_shexp" in name else tensor
    for name, parts in stacks.items():
        found[name] = torch.stack([parts[number] for number in range(len(parts))])
    return {name: tensor.contiguous() for name, tensor in found.items()}
