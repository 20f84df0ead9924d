"""Models small enough for a test, one for each thing that a model may vary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

# `rope_scaling` of Llama 3.1, for a model whose pretraining saw 32 tokens: the short context
# makes positions of a test's prompts fall into all three bands of wavelengths.
LLAMA3_ROPE: Mapping[str, Any] = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
LINEAR_ROPE: Mapping[str, Any] = {"rope_type": "linear", "factor": 4.0}


@dataclass(frozen=True, kw_only=True)
class TinyModel:
    """A model of random weights, given by its configuration.

    Attributes:
        name: for tests and for `--pipeline`.
        family: which architecture, as transformers' classes begin with it, in lower case.
        hidden_size: width of the residual stream.
        intermediate_size: width inside the MLP.
        num_attention_heads: query heads.
        num_key_value_heads: KV heads.
        head_dim: elements of a head.
        num_hidden_layers: blocks.
        max_position_embeddings: most tokens of a request.
        tie_word_embeddings: whether the head is the embedding.
        attention_bias: whether the attention's projections have biases (Llama; Qwen2's always do).
        mlp_bias: whether the MLP's have (Llama).
        rope_theta: base of the rotary angles.
        rope_scaling: as in config.json, with "rope_type"; empty for none.
        dtype: of the weights in the files.
        settings: further fields of config.json, or other values of these; None for no such field.
        config_cls: transformers' configuration class, where it is not called after the family.
        remote_architecture: `architectures[0]` of a family that transformers does not have, and
            whose mathematics are those of `config_cls`.
        max_shard_bytes: size at which the weights are split over files; None for one file.
        seed: of the weights.
    """

    name: str
    family: str
    hidden_size: int = 64
    intermediate_size: int = 96
    num_attention_heads: int = 4
    num_key_value_heads: int = 2
    head_dim: int = 16
    num_hidden_layers: int = 2
    max_position_embeddings: int = 512
    tie_word_embeddings: bool = False
    attention_bias: bool = False
    mlp_bias: bool = False
    rope_theta: float = 10000.0
    rope_scaling: Mapping[str, Any] = field(default_factory=dict)
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    settings: Mapping[str, Any] = field(default_factory=dict)
    config_cls: str = ""
    remote_architecture: str = ""
    max_shard_bytes: int | None = None
    seed: int = 0

    @property
    def architecture(self) -> str:
        """`architectures[0]` of its config.json."""
        if self.remote_architecture:
            return self.remote_architecture
        family = self.config_cls.removesuffix("Config").removesuffix("Text")
        family = family or self.family.capitalize()
        return "GPT2LMHeadModel" if family == "GPT2" else f"{family}ForCausalLM"


_LLAMAS = (
    TinyModel(name="tiny-llama", family="llama"),
    TinyModel(
        name="tiny-llama-gqa1",
        family="llama",
        num_key_value_heads=4,
        rope_scaling=LINEAR_ROPE,
        tie_word_embeddings=True,
    ),
    TinyModel(
        name="tiny-llama-gqa8",
        family="llama",
        num_attention_heads=8,
        num_key_value_heads=1,
        rope_scaling=LLAMA3_ROPE,
        rope_theta=500000.0,
    ),
    TinyModel(name="tiny-llama-head64", family="llama", hidden_size=128, head_dim=64),
    TinyModel(
        name="tiny-llama-head128",
        family="llama",
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=128,
        max_shard_bytes=100_000,
    ),
    TinyModel(
        name="tiny-llama-odd",
        family="llama",
        hidden_size=72,
        intermediate_size=99,
        num_hidden_layers=3,
    ),
    TinyModel(name="tiny-llama-bias", family="llama", attention_bias=True, mlp_bias=True),
)

_QWENS = (
    TinyModel(name="tiny-qwen2", family="qwen2", rope_theta=1000000.0),
    TinyModel(name="tiny-qwen2-tied", family="qwen2", tie_word_embeddings=True),
    TinyModel(
        name="tiny-qwen2-gqa8",
        family="qwen2",
        num_attention_heads=8,
        num_key_value_heads=1,
        head_dim=64,
        max_shard_bytes=100_000,
    ),
    TinyModel(
        name="tiny-qwen2-odd",
        family="qwen2",
        hidden_size=72,
        intermediate_size=99,
        num_key_value_heads=4,
        num_hidden_layers=3,
    ),
)

_QWEN3S = (
    TinyModel(name="tiny-qwen3", family="qwen3", rope_theta=1000000.0, head_dim=24),
    TinyModel(
        name="tiny-qwen3-windows",
        family="qwen3",
        attention_bias=True,
        tie_word_embeddings=True,
        num_hidden_layers=3,
        settings={"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1},
    ),
)

_GRANITES = (
    TinyModel(
        name="tiny-granite",
        family="granite",
        tie_word_embeddings=True,
        settings={
            "attention_multiplier": 0.2,
            "embedding_multiplier": 3.0,
            "residual_multiplier": 0.4,
            "logits_scaling": 0.6,
        },
    ),
)

# Their rows are whole blocks of 256 elements, as those of real models are: for quantized weights.
_WIDE = (
    TinyModel(
        name="tiny-llama-wide",
        family="llama",
        hidden_size=256,
        intermediate_size=512,
        head_dim=64,
        tie_word_embeddings=True,
    ),
    TinyModel(
        name="tiny-qwen2-wide",
        family="qwen2",
        hidden_size=256,
        intermediate_size=512,
        head_dim=64,
    ),
)

TINY_MODELS: Mapping[str, TinyModel] = {
    model.name: model for model in (*_LLAMAS, *_QWENS, *_QWEN3S, *_GRANITES)
}
WIDE_MODELS: Mapping[str, TinyModel] = {model.name: model for model in _WIDE}
