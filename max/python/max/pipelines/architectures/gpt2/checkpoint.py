"""What GPT-2 checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

GPT2_FIELDS = ConfigFields(
    "gpt2",
    own={
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "n_embd": 768,
        "n_head": 12,
        "n_inner": None,
        "n_layer": 12,
        "n_positions": 1024,
        "scale_attn_by_inverse_layer_idx": False,
        "scale_attn_weights": True,
        "tie_word_embeddings": True,
    },
    # Of classifiers, of training, of how the same scores are computed.
    ignored=(
        *("n_ctx", "reorder_and_upcast_attn", "task_specific_params"),
        *("summary_activation", "summary_first_dropout", "summary_proj_to_labels"),
        *("summary_type", "summary_use_proj"),
    ),
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    sizes = gguf.decoder("layer_norm_epsilon")
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": sizes["vocab_size"],
        "n_positions": sizes["max_position_embeddings"],
        "n_embd": sizes["hidden_size"],
        "n_layer": sizes["num_hidden_layers"],
        "n_head": sizes["num_attention_heads"],
        "n_inner": sizes["intermediate_size"],
        "layer_norm_epsilon": sizes["layer_norm_epsilon"],
        "tie_word_embeddings": sizes["tie_word_embeddings"],
    }


GPT2_GGUF = GGUFFamily("gpt2", _config)
