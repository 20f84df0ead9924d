"""Checkpoints of random weights, with layers of a billion-weight model's sizes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SIZES: Mapping[str, Any] = {
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 4,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "max_position_embeddings": 2048,
    "vocab_size": 16384,
    "tie_word_embeddings": True,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": None,
}
_HALF = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}
_KINDS = {"layer_types": ["sliding_attention"] * 3 + ["full_attention"], "sliding_window": 512}
_GEMMA = {"query_pre_attn_scalar": 64, **_KINDS}
# transformers' configuration class, and what it is called with beside the sizes. InternLM2 and
# MiniCPM, which it does not have, compute what Llama and Granite do.
FAMILIES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "llama3": ("LlamaConfig", {}),
    "cohere": ("CohereConfig", {}),
    "cohere2": ("Cohere2Config", _KINDS),
    "exaone4": ("Exaone4Config", _KINDS),
    "falcon": ("FalconConfig", {"new_decoder_architecture": True, "num_kv_heads": 8}),
    "gemma": ("GemmaConfig", {}),
    "gemma2": ("Gemma2Config", _GEMMA),
    "gemma3": ("Gemma3TextConfig", _GEMMA),
    "glm4": ("Glm4Config", {"rope_parameters": _HALF}),
    "gpt2": ("GPT2Config", {"n_inner": 8192}),
    "granite": ("GraniteConfig", {"attention_multiplier": 0.125}),
    "ministral3": ("Ministral3Config", {}),
    "mistral": ("MistralConfig", {}),
    "nemotron": ("NemotronConfig", {"rope_parameters": _HALF}),
    "olmo": ("OlmoConfig", {"clip_qkv": 8.0}),
    "olmo2": ("Olmo2Config", {}),
    "olmo3": ("Olmo3Config", _KINDS),
    "phi": ("PhiConfig", {"rope_parameters": _HALF}),
    "phi3": ("Phi3Config", {}),
    "qwen2": ("Qwen2Config", {}),
    "qwen3": ("Qwen3Config", {}),
    "smollm3": ("SmolLM3Config", {}),
    "stablelm": ("StableLmConfig", {"rope_parameters": _HALF}),
    "starcoder2": ("Starcoder2Config", {}),
}
# A period of the layers of Gemma 3 1B, for long contexts.
_OTHERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "gemma3-1b-layers": (
        "Gemma3TextConfig",
        {
            "hidden_size": 1152,
            "intermediate_size": 6912,
            "num_hidden_layers": 6,
            "num_attention_heads": 4,
            "num_key_value_heads": 1,
            "head_dim": 256,
            "query_pre_attn_scalar": 256,
            "max_position_embeddings": 131072,
            "sliding_window": 512,
        },
    ),
}


def write_random_model(name: str, folder: Path) -> Path:
    """Writes a model in bfloat16, with the demo's tokenizer.

    Args:
        name: one of `FAMILIES`, or "gemma3-1b-layers".
        folder: created.

    Returns:
        The folder.
    """
    from dataclasses import fields

    import torch
    import transformers

    from max.demo import model_path

    config_name, settings = {**FAMILIES, **_OTHERS}[name]
    config_cls = getattr(transformers, config_name)
    known = {field.name for field in fields(config_cls)} | config_cls.attribute_map.keys()
    sizes = {key: value for key, value in _SIZES.items() if key in known}
    model = transformers.AutoModelForCausalLM.from_config(
        config_cls(**{**sizes, **settings}), dtype=torch.bfloat16
    )
    model.save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(model_path() / file, folder / file)
    return folder


def matrix_weights(folder: Path) -> int:
    """Weights of a model's matrices, those of its tokens left out, by the headers of its files."""
    from safetensors import safe_open

    count = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118 - it is no mapping
                shape = file.get_slice(name).get_shape()
                of_tokens = any(part in name for part in ("embed", "lm_head", "wte", "wpe"))
                if len(shape) == 2 and not of_tokens:
                    count += shape[0] * shape[1]
    return count
