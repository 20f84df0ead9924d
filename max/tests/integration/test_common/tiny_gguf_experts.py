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
    "block_sparse_moe.router.layer.weight": "ffn_gate_inp.weight",
    "mlp.gate.e_score_correction_bias": "exp_probs_b.bias",
    "mlp.shared_experts.gate_proj": "ffn_gate_shexp",
    "mlp.shared_experts.up_proj": "ffn_up_shexp",
    "mlp.shared_experts.down_proj": "ffn_down_shexp",
    "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa",
    "self_attn.kv_a_layernorm": "attn_kv_a_norm",
    "self_attn.q_a_proj": "attn_q_a",
    "self_attn.q_a_layernorm": "attn_q_a_norm",
    "self_attn.q_b_proj": "attn_q_b",
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
    "n_routed_experts": "expert_count",
    "n_shared_experts": "expert_shared_count",
    "first_k_dense_replace": "leading_dense_block_count",
    "n_group": "expert_group_count",
    "topk_group": "expert_group_used_count",
}
_ARCHITECTURES = {
    "mixtral": "llama",
    "gpt_oss": "gpt-oss",
    "deepseek_v2": "deepseek2",
    "deepseek_v3": "deepseek2",
    "glm4_moe": "glm4moe",
    "llama4_text": "llama4",
}
_SOFTMAX, _SIGMOID = 1, 2


def write_gguf_with_experts(checkpoint: Path, path: Path, encoding: str = "float32") -> Path:
    """Writes a checkpoint as one GGUF file; see `write_gguf`.

    Routers stay float32, and beside experts in MXFP4 everything else.
    """
    stacked = shutil.copytree(checkpoint, path.parent.with_name("stacked"))
    config: dict[str, Any] = json.loads((stacked / "config.json").read_text(encoding="utf-8"))
    family = config["model_type"]
    architecture = _ARCHITECTURES.get(family, family.replace("_", ""))
    (stacked / "config.json").write_text(
        json.dumps({**config, "model_type": architecture}), encoding="utf-8"
    )
    file = stacked / "model.safetensors"
    save_file(_stacked(load_file(file), architecture, config), file, metadata={"format": "pt"})
    return write_gguf(
        stacked,
        path,
        encoding,
        recipe=_encoding,
        metadata={
            **{f"{architecture}.{key}": config[n] for n, key in _SIZES.items() if config.get(n)},
            **{f"{architecture}.{key}": value for key, value in _own(config).items()},
        },
    )


def _encoding(name: str, encoding: str) -> str:
    is_plain = "gate_inp" in name or (encoding == "mxfp4" and "_exps.weight" not in name)
    return "float32" if is_plain else as_people_have_them(name, encoding)


def _own(config: dict[str, Any]) -> dict[str, Any]:
    """What files of a family say beside what those of all do."""
    match config["model_type"]:
        case "gpt_oss":
            return {
                "expert_feed_forward_length": config["intermediate_size"],
                "attention.sliding_window": config["sliding_window"],
                **_yarn(config["rope_parameters"]),
            }
        case "llama4_text":
            return {
                "feed_forward_length": config["intermediate_size_mlp"],
                "expert_feed_forward_length": config["intermediate_size"],
                "interleave_moe_layer_step": config["interleave_moe_layer_step"],
            }
        case "glm4_moe":
            return {
                "block_count": config["num_hidden_layers"] + 1,
                "nextn_predict_layers": 1,
                "rope.dimension_count": config["hidden_size"] // config["num_attention_heads"] // 2,
                "expert_gating_func": _SIGMOID,
                "expert_weights_scale": config["routed_scaling_factor"],
                "expert_weights_norm": config["norm_topk_prob"],
            }
        case "deepseek_v2" | "deepseek_v3":
            turned, rank = config["qk_rope_head_dim"], config["kv_lora_rank"]
            is_v3 = config["model_type"] == "deepseek_v3"
            return {
                "attention.head_count_kv": 1,
                "attention.key_length": rank + turned,
                "attention.value_length": rank,
                "attention.key_length_mla": config["qk_nope_head_dim"] + turned,
                "attention.value_length_mla": config["v_head_dim"],
                "attention.kv_lora_rank": rank,
                **({"attention.q_lora_rank": rank_} if (rank_ := config["q_lora_rank"]) else {}),
                "rope.dimension_count": turned,
                "expert_gating_func": _SIGMOID if is_v3 else _SOFTMAX,
                "expert_weights_scale": config["routed_scaling_factor"],
                **({"expert_weights_norm": config["norm_topk_prob"]} if is_v3 else {}),
                **_yarn(config["rope_parameters"]),
            }
    return {}


def _yarn(rope: dict[str, Any]) -> dict[str, Any]:
    if rope["rope_type"] != "yarn":
        return {}
    sharpness = {"rope.scaling.yarn_log_multiplier": 0.1 * rope.get("mscale_all_dim", 0.0)}
    return {
        "rope.scaling.type": rope["rope_type"],
        "rope.scaling.factor": float(rope["factor"]),
        "rope.scaling.original_context_length": rope["original_max_position_embeddings"],
        **(sharpness if "mscale_all_dim" in rope else {}),
    }


def _parted(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Stacks with gate and up in one, as GGUF files have them.

    gpt-oss's are [experts, in, out], gate and up in turn, Llama 4's one behind the other, as
    Granite's [experts, out, in].
    """
    found: dict[str, torch.Tensor] = {}
    for name, tensor in weights.items():
        if name.endswith("block_sparse_moe.input_linear.weight"):
            layer = name.removesuffix("block_sparse_moe.input_linear.weight")
            gate, up = tensor.chunk(2, dim=1)
            found |= {f"{layer}ffn_gate_exps.weight": gate, f"{layer}ffn_up_exps.weight": up}
            continue
        if name.endswith("block_sparse_moe.output_linear.weight"):
            layer = name.removesuffix("block_sparse_moe.output_linear.weight")
            found[f"{layer}ffn_down_exps.weight"] = tensor
            continue
        if name.endswith("feed_forward.experts.gate_up_proj"):
            layer = name.removesuffix("feed_forward.experts.gate_up_proj")
            gate, up = tensor.transpose(1, 2).chunk(2, dim=1)
            found |= {f"{layer}ffn_gate_exps.weight": gate, f"{layer}ffn_up_exps.weight": up}
            continue
        name = name.replace("feed_forward.", "mlp.")
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


def _keys_and_values(
    name: str, tensor: torch.Tensor, config: dict[str, Any]
) -> dict[str, torch.Tensor]:
    """What expands DeepSeek's latents, in two: that of keys is turned over."""
    layer = name.removesuffix("self_attn.kv_b_proj.weight")
    heads = tensor.view(config["num_attention_heads"], -1, tensor.shape[-1])
    keys, values = heads.split([config["qk_nope_head_dim"], config["v_head_dim"]], dim=1)
    return {f"{layer}attn_k_b.weight": keys.transpose(1, 2), f"{layer}attn_v_b.weight": values}


def _stacked(
    weights: dict[str, torch.Tensor], architecture: str, config: dict[str, Any]
) -> dict[str, torch.Tensor]:
    stacks: dict[str, dict[int, torch.Tensor]] = {}
    found: dict[str, torch.Tensor] = {}
    for name, tensor in _parted(weights).items():
        if match := _NUMBERED.fullmatch(name):
            part = _PARTS.get(match[3], match[3].removesuffix("_proj"))
            stack = stacks.setdefault(f"{match[1]}ffn_{part}_exps.weight", {})
            stack[int(match[2])] = tensor
            continue
        if name.endswith("kv_b_proj.weight"):
            found |= _keys_and_values(name, tensor, config)
            continue
        for theirs, ours in _OTHERS.items():
            name = name.replace(theirs, ours)
        if architecture in ("gpt-oss", "glm4moe"):
            name = name.replace("post_attention_layernorm", "post_attention_norm")
        found[name] = tensor[0] if "gate_inp_shexp" in name else tensor
    if architecture == "glm4moe":  # the layer that guesses further tokens
        guesses = f"model.layers.{config['num_hidden_layers']}.nextn.eh_proj.weight"
        found[guesses] = torch.zeros(8, 16)
    for name, parts in stacks.items():
        found[name] = torch.stack([parts[number] for number in range(len(parts))])
    return {name: tensor.contiguous() for name, tensor in found.items()}
