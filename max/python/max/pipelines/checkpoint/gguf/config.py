"""config.json of a model that comes as a GGUF file alone, from the file's metadata.

Keys are those of ggml/docs/gguf.md; the values' names are Hugging Face's.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from max.graph.weights.headers.gguf import GGUFHeader, read_gguf_header
from max.pipelines.checkpoint.gguf.choice import parts_of
from max.pipelines.modeling.errors import ModelSourceError

# `general.architecture` -> `architectures[0]` and `model_type`.
_ARCHITECTURES = {
    "llama": ("LlamaForCausalLM", "llama"),
    "qwen2": ("Qwen2ForCausalLM", "qwen2"),
}
_SIZES = {
    "num_hidden_layers": "block_count",
    "hidden_size": "embedding_length",
    "intermediate_size": "feed_forward_length",
    "num_attention_heads": "attention.head_count",
    "max_position_embeddings": "context_length",
    "rms_norm_eps": "attention.layer_norm_rms_epsilon",
}
_ROPE_FACTORS = "rope_freqs.weight"  # float32
# Which tokens end an answer; llama.cpp stops at all of them too. Files name some of them by their
# ids, and all by their texts.
_END_KEYS = ("eos_token_id", "eot_token_id", "eom_token_id")
_END_TEXTS = frozenset(
    {
        "<|eot_id|>",
        "<|eom_id|>",
        "<|im_end|>",
        "<|end|>",
        "<|end_of_text|>",
        "<|endoftext|>",
        "<end_of_turn>",
        "<EOT>",
    }
)


def gguf_config(header: GGUFHeader, path: Path) -> dict[str, Any]:
    """The content of config.json.

    Args:
        header: of the model's first file.
        path: that file, for messages.

    Raises:
        ModelSourceError: if the architecture is not known, or a size is missing or wrong.
    """
    reader = _Reader(header.metadata, path)
    architecture, model_type = reader.architecture()
    sizes = {name: reader.own(key) for name, key in _SIZES.items()}
    heads = sizes["num_attention_heads"]
    head_dim = reader.own("attention.key_length", 0) or reader.own("rope.dimension_count", 0)
    config = {
        "architectures": [architecture],
        "model_type": model_type,
        **sizes,
        "num_key_value_heads": reader.own("attention.head_count_kv", heads),
        "head_dim": head_dim or sizes["hidden_size"] // heads,
        "vocab_size": _rows(header, "token_embd.weight", path),
        "tie_word_embeddings": "output.weight" not in header.tensors,
        "hidden_act": "silu",
        "rope_parameters": _rope(reader),
    }
    if model_type == "llama":
        config["attention_bias"] = "blk.0.attn_q.bias" in header.tensors
        config["mlp_bias"] = "blk.0.ffn_up.bias" in header.tensors
    else:
        config["use_sliding_window"] = False
    if _ROPE_FACTORS in header.tensors:
        config["rope_freq_factors"] = _rope_factors(path)
    return config | _token_ids(header.metadata, ("bos_token_id", "eos_token_id"))


def gguf_generation_config(header: GGUFHeader) -> dict[str, Any]:
    """The content of generation_config.json: the tokens that end an answer."""
    ends = set(_token_ids(header.metadata, _END_KEYS).values())
    tokens = header.metadata.get("tokenizer.ggml.tokens", [])
    ends |= {i for i, token in enumerate(tokens) if token in _END_TEXTS}
    return {"eos_token_id": sorted(ends)} if ends else {}


def _token_ids(metadata: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, int]:
    keys = {name: f"tokenizer.ggml.{name}" for name in names}
    return {name: int(metadata[key]) for name, key in keys.items() if key in metadata}


def _rope(reader: _Reader) -> dict[str, Any]:
    rope = {"rope_type": "default", "rope_theta": reader.own("rope.freq_base", 10000.0)}
    kind = reader.own("rope.scaling.type", "none")
    if kind not in ("none", "linear"):
        # Each has entries of its own, which are not read: its angles would be others.
        raise ModelSourceError(
            f"{reader.path} has rope scaling of type '{kind}', which is not supported in GGUF "
            "files; known: none, linear"
        )
    if kind != "none":
        rope |= {"rope_type": kind, "factor": reader.own("rope.scaling.factor", 1.0)}
    return rope


def _rope_factors(path: Path) -> list[float]:
    """What the rotary frequencies are divided by: Llama 3.1's stretching comes as this table."""
    headers = ((part, read_gguf_header(part)) for part in parts_of(path))
    part, header = next(each for each in headers if _ROPE_FACTORS in each[1].tensors)
    table = header.tensors[_ROPE_FACTORS]
    start = header.data_start + table.offset
    factors: list[float] = np.fromfile(part, "<f4", prod(table.shape), offset=start).tolist()
    return factors


def _rows(header: GGUFHeader, name: str, path: Path) -> int:
    if name not in header.tensors:
        raise ModelSourceError(f"{path} has no tensor '{name}'; is it a whole language model?")
    return header.tensors[name].shape[0]


class _Reader:
    """Reads the entries of the model's own architecture."""

    def __init__(self, metadata: Mapping[str, Any], path: Path) -> None:
        self._metadata = metadata
        self.path = path

    def architecture(self) -> tuple[str, str]:
        """Hugging Face's names of the architecture and the model type."""
        name = self._metadata.get("general.architecture")
        if name not in _ARCHITECTURES:
            raise ModelSourceError(
                f"{self.path} is a model of the architecture {name!r} (general.architecture), "
                f"which is not known; known: {', '.join(_ARCHITECTURES)}. If a package for "
                "--custom-architectures serves it, give --model a folder with the original "
                "model's config.json and tokenizer, and this file as --weight-path."
            )
        if self.own("expert_count", 0):
            raise ModelSourceError(f"{self.path} is a mixture of experts, which is not supported")
        return _ARCHITECTURES[name]

    def own(self, key: str, default: Any = None) -> Any:
        """The entry `<architecture>.<key>`, which is one number or text."""
        full = f"{self._metadata.get('general.architecture')}.{key}"
        value = self._metadata.get(full, default)
        if value is None:
            raise ModelSourceError(f"{self.path} has no metadata '{full}'; convert it again")
        if isinstance(value, list):
            if len(set(value)) != 1:
                raise ModelSourceError(
                    f"{self.path} has layers of different sizes ({full}: {value}), which is not "
                    "supported"
                )
            value = value[0]
        return value
