"""What Llama 4 checkpoints say: config.json of the text model, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

LLAMA4_FIELDS = ConfigFields(
    "llama4_text",
    own={
        "attention_bias": False,
        "attention_chunk_size": 8192,
        "attn_scale": 0.1,
        "attn_temperature_tuning": True,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "floor_scale": 8192,
        "head_dim": 128,
        "interleave_moe_layer_step": 1,
        "intermediate_size_mlp": 16384,
        "layer_types": None,
        "moe_layers": None,
        "no_rope_layer_interval": 4,
        "no_rope_layers": None,
        "num_experts_per_tok": 1,
        "num_local_experts": 16,
        "rope_theta": 500000.0,
        "use_qk_norm": True,
    },
    ignored=("attn_temperature_len", "for_llm_compressor", "router_jitter_noise"),
    is_completed=True,
)
# Of the model with so many experts queries and keys are not normalized.
_EXPERTS_WITHOUT_NORMS = 128


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    """Files do not say the chunks, nor how queries grow: they have the usual ones."""
    experts = gguf.own("expert_count")
    return {
        "architectures": ["Llama4ForCausalLM"],
        "model_type": "llama4_text",
        **gguf.experts("num_local_experts"),
        **gguf.decoder(),
        "intermediate_size": gguf.own("expert_feed_forward_length"),
        "intermediate_size_mlp": gguf.own("feed_forward_length"),
        "interleave_moe_layer_step": gguf.own("interleave_moe_layer_step"),
        "use_qk_norm": experts != _EXPERTS_WITHOUT_NORMS,
    }


LLAMA4_GGUF = GGUFFamily("llama4", _config)
