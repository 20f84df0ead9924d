"""Turns a tiny family's checkpoint into a GGUF file, with the names that the `gguf` package has.

What llama.cpp's converters do to numbers is here by family: order of rows, offsets of norms.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gguf
import torch
from safetensors.torch import load_file

from integration.test_common.tiny_families import TINY_FAMILIES
from integration.test_common.tiny_gguf import permuted
from integration.test_common.tiny_models import TinyModel

Tensors = dict[str, torch.Tensor]
Config = Mapping[str, Any]

# Keys of the architecture's metadata -> what families call them in config.json.
_KEYS = {
    "block_count": ("num_hidden_layers", "n_layer"),
    "context_length": ("max_position_embeddings", "n_positions"),
    "embedding_length": ("hidden_size", "n_embd"),
    "feed_forward_length": ("intermediate_size", "ffn_hidden_size", "n_inner"),
    "attention.head_count": ("num_attention_heads", "n_head"),
    "attention.head_count_kv": ("num_key_value_heads", "num_kv_heads"),
    "attention.key_length": ("head_dim",),
    "attention.sliding_window": ("sliding_window",),
    "attention.layer_norm_rms_epsilon": ("rms_norm_eps",),
    "attention.layer_norm_epsilon": (
        *("layer_norm_eps", "layer_norm_epsilon", "norm_eps", "norm_epsilon"),
    ),
    "attention.clamp_kqv": ("clip_qkv",),
    "attn_logit_softcapping": ("attn_logit_softcapping",),
    "final_logit_softcapping": ("final_logit_softcapping",),
    "logit_scale": ("logit_scale", "logits_scaling"),
    "embedding_scale": ("embedding_multiplier",),
    "residual_scale": ("residual_multiplier",),
}
_ROPE_KEYS = {
    "rope.freq_base": "rope_theta",
    "rope.scaling.factor": "factor",
    "rope.scaling.original_context_length": "original_max_position_embeddings",
    "rope.scaling.yarn_log_multiplier": "mscale_all_dim",
    "attention.temperature_scale": "llama_4_scaling_beta",
}


def _as_it_is(weights: Tensors, config: Config) -> Tensors:
    return weights


def _turned(weights: Tensors, config: Config) -> Tensors:
    """GPT-2's matrices are [in, out]."""
    parts = (".c_attn.weight", ".c_proj.weight", ".c_fc.weight")
    return {name: t.t() if name.endswith(parts) else t for name, t in weights.items()}


def _regrouped(weights: Tensors, config: Config) -> Tensors:
    """Falcon's rows stand together for each KV head; here all queries stand first."""
    heads, kv_heads = config["num_attention_heads"], config["num_kv_heads"]
    kv_heads = kv_heads if config["new_decoder_architecture"] else 1

    def regrouped(rows: torch.Tensor) -> torch.Tensor:
        size = config["hidden_size"] // heads
        groups = rows.reshape(kv_heads, heads // kv_heads + 2, size, *rows.shape[1:])
        parts = groups[:, :-2], groups[:, -2:-1], groups[:, -1:]
        return torch.cat([part.flatten(0, 2) for part in parts])

    return {n: regrouped(t) if "query_key_value" in n else t for n, t in weights.items()}


def _plus_one(weights: Tensors, config: Config) -> Tensors:
    return {n: t + 1 if n.endswith("norm.weight") else t for n, t in weights.items()}


def _in_pairs(weights: Tensors, config: Config) -> Tensors:
    """Queries and keys as the original Llama has them."""
    heads = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}
    return {
        name: permuted(t, config[heads[part]]) if (part := name.split(".")[-2]) in heads else t
        for name, t in weights.items()
    }


def _stacked(weights: Tensors, config: Config) -> Tensors:
    """StableLM's norms of heads are one tensor."""
    found: Tensors = {}
    for name, tensor in weights.items():
        stem, has_head, _ = name.partition(".norms.")
        if has_head:
            name = f"{stem}.weight"
            earlier = found.get(name, tensor.new_empty(0, *tensor.shape))
            tensor = torch.cat([earlier, tensor[None]])
        found[name] = tensor
    return found


@dataclass(frozen=True)
class Layout:
    """How a family's GGUF files are written.

    Attributes:
        name: their `general.architecture`.
        change: what is done to the weights.
        settings: of the model, where a file cannot say others.
        has_pattern: whether the file says which layers have windows.
    """

    name: str
    change: Callable[[Tensors, Config], Tensors] = _as_it_is
    settings: Mapping[str, Any] = field(default_factory=dict)
    has_pattern: bool = False


_USUAL_WINDOWS = {"layer_types": None, "query_pre_attn_scalar": 12}
LAYOUTS: Mapping[str, Layout] = {
    "tiny-cohere": Layout("command-r"),
    "tiny-cohere-norms": Layout("command-r"),
    "tiny-cohere2": Layout("cohere2", settings={"layer_types": None}),
    "tiny-exaone4": Layout("exaone4", has_pattern=True),
    "tiny-exaone4-full": Layout("exaone4"),
    "tiny-falcon": Layout("falcon", _regrouped, {"num_kv_heads": 1}),
    "tiny-falcon-grouped": Layout("falcon", _regrouped),
    "tiny-falcon-one-norm": Layout("falcon", _regrouped),
    "tiny-gemma": Layout("gemma", _plus_one),
    "tiny-gemma2": Layout("gemma2", _plus_one, _USUAL_WINDOWS),
    "tiny-gemma3": Layout("gemma3", _plus_one, {**_USUAL_WINDOWS, "num_hidden_layers": 6}),
    "tiny-glm4": Layout("glm4"),
    "tiny-gpt2": Layout("gpt2", _turned),
    "tiny-internlm2": Layout("internlm2", _in_pairs),
    "tiny-minicpm": Layout("minicpm", _in_pairs),
    "tiny-ministral3": Layout("mistral3", _in_pairs),
    "tiny-nemotron": Layout("nemotron", _plus_one),
    "tiny-nemotron-biases": Layout("nemotron", _plus_one),
    "tiny-olmo": Layout("olmo", _in_pairs),
    "tiny-olmo2": Layout("olmo2"),
    "tiny-olmo3": Layout("olmo2", has_pattern=True),
    "tiny-phi": Layout("phi2"),
    "tiny-phi3": Layout("phi3"),
    "tiny-phi3-long": Layout("phi3"),
    "tiny-smollm3": Layout("smollm3", _in_pairs, {"no_rope_layers": None}),
    "tiny-stablelm": Layout("stablelm", _stacked),
    "tiny-stablelm-parallel": Layout("stablelm", _stacked),
    "tiny-starcoder2": Layout("starcoder2", settings={"sliding_window": None}),
    "tiny-starcoder2-plain": Layout("starcoder2"),
}


def model_of(name: str) -> TinyModel:
    """The model of that name, as far as a GGUF file can describe it."""
    model = TINY_FAMILIES[name]
    return replace(model, settings={**model.settings, **LAYOUTS[name].settings})


def write_family_gguf(name: str, checkpoint: Path, path: Path) -> Path:
    """Writes a checkpoint of `model_of(name)` as one GGUF file, in float32, without a tokenizer."""
    layout = LAYOUTS[name]
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    writer = gguf.GGUFWriter(path, layout.name)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    for key, names in _KEYS.items():
        if found := next((config[n] for n in names if config.get(n)), None):
            _add(writer, key, found)
    if layout.name == "olmo":
        writer.add_layer_norm_eps(1e-5)
    if layout.has_pattern:
        windows = [kind == "sliding_attention" for kind in config["layer_types"]]
        writer.add_array(f"{layout.name}.attention.sliding_window_pattern", windows)
    rope = config.get("rope_parameters") or {}
    _add_rope(writer, rope.get("full_attention", rope), config)
    if "sliding_attention" in rope:
        _add(writer, "rope.freq_base_swa", rope["sliding_attention"]["rope_theta"])
    arch = next(a for a, its in gguf.MODEL_ARCH_NAMES.items() if its == layout.name)
    known = gguf.get_tensor_name_map(arch, config.get("num_hidden_layers") or config["n_layer"])
    weights = layout.change(load_file(checkpoint / "model.safetensors"), config)
    for theirs, tensor in weights.items():
        stem, _, kind = theirs.rpartition(".")
        writer.add_tensor(f"{known.get_name(stem)}.{kind}", tensor.contiguous().float().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add(writer: gguf.GGUFWriter, key: str, value: int | float | str) -> None:
    adders: Mapping[type, Any] = {
        int: writer.add_uint32,
        float: writer.add_float32,
        str: writer.add_string,
    }
    adders[type(value)](f"{writer.arch}.{key}", value)


def _add_rope(writer: gguf.GGUFWriter, rope: Config, config: Config) -> None:
    for key, name in _ROPE_KEYS.items():
        if value := rope.get(name):
            _add(writer, key, value)
    if (kind := rope.get("rope_type", "default")) != "default":
        _add(writer, "rope.scaling.type", kind)
    if (share := rope.get("partial_rotary_factor", 1.0)) != 1.0:
        head_dim = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
        _add(writer, "rope.dimension_count", int(head_dim * share))
    if kind == "longrope":
        original = rope["original_max_position_embeddings"]
        stretch = config["max_position_embeddings"] / original
        magnitude = math.sqrt(1 + math.log(stretch) / math.log(original))
        _add(writer, "rope.scaling.attn_factor", magnitude)
        for name in ("long", "short"):
            table = torch.tensor(rope[f"{name}_factor"]).float().numpy()
            writer.add_tensor(f"rope_factors_{name}.weight", table)
