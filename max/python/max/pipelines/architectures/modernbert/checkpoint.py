"""What ModernBERT checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

MODERNBERT_FIELDS = ConfigFields(
    "modernbert",
    own={
        "attention_bias": False,
        "global_attn_every_n_layers": 3,
        "global_rope_theta": 160000.0,
        "hidden_activation": "gelu",
        "layer_types": None,
        "local_attention": 128,
        "local_rope_theta": 10000.0,
        "mlp_bias": False,
        "norm_bias": False,
        "norm_eps": 1e-5,
        "sliding_window": None,
    },
    only={"position_embedding_type": ("absolute",)},
    ignored=(
        "classifier_activation",
        "classifier_bias",
        "classifier_pooling",
        "cls_token_id",
        "decoder_bias",
        "deterministic_flash_attn",
        "initializer_cutoff_factor",
        "layer_norm_eps",
        "mlp_dropout",
        "reference_compile",
        "repad_logits_with_grad",
        "sparse_pred_ignore_index",
        "sparse_prediction",
        "tie_word_embeddings",
    ),
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    theta = gguf.own("rope.freq_base")
    return {
        "architectures": ["ModernBertModel"],
        "model_type": "modernbert",
        **gguf.encoder("norm_eps"),
        "hidden_activation": gguf.own("hidden_activation", "gelu"),
        "local_attention": gguf.own("attention.sliding_window"),
        "global_attn_every_n_layers": gguf.own("attention.sliding_window_pattern", 3),
        "global_rope_theta": theta,
        "local_rope_theta": gguf.own("rope.freq_base_swa", theta),
    }


MODERNBERT_GGUF = GGUFFamily("modern-bert", _config)
