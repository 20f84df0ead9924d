"""What Command R7B checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

COHERE2_FIELDS = ConfigFields(
    "cohere2",
    own={
        "attention_bias": False,
        "head_dim": None,
        "layer_norm_eps": 1e-5,
        "layer_types": None,
        "logit_scale": 0.0625,
        "sliding_window": 4096,
        "sliding_window_pattern": 4,
        "tie_word_embeddings": True,
    },
    # Of Cohere's own implementation: each has the one value that transformers computes.
    only={
        "layer_switch": [4],
        "order_of_interleaved_layers": ["local_attn_first"],
        "position_embedding_type": ["rope_gptj"],
        "rotary_pct": [1.0],
        "use_embedding_sharing": [True],
        "use_gated_activation": [True],
        "use_parallel_block": [True],
    },
    ignored=("cache_implementation", "use_parallel_embedding"),
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {
        "architectures": ["Cohere2ForCausalLM"],
        "model_type": "cohere2",
        **gguf.decoder("layer_norm_eps"),
        **gguf.windows(period=4),
        "logit_scale": gguf.own("logit_scale"),
    }


COHERE2_GGUF = GGUFFamily("cohere2", _config)
