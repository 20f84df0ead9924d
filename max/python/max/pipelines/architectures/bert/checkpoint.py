"""What BERT checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

BERT_FIELDS = ConfigFields(
    "bert",
    own={"layer_norm_eps": 1e-12, "type_vocab_size": 2},
    only={
        "position_embedding_type": ("absolute",),
        "add_cross_attention": (False,),
        "is_decoder": (False,),
    },
    ignored=(
        "attention_probs_dropout_prob",
        "directionality",
        "hidden_dropout_prob",
        "pooler_fc_size",
        "pooler_num_attention_heads",
        "pooler_num_fc_layers",
        "pooler_size_per_head",
        "pooler_type",
        "tie_word_embeddings",
    ),
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        **gguf.encoder("layer_norm_eps"),
        "max_position_embeddings": gguf.rows("position_embd.weight"),
        "type_vocab_size": gguf.rows("token_types.weight"),
        "hidden_act": "gelu",
    }


BERT_GGUF = GGUFFamily("bert", _config)
