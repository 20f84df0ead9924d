"""What BERT checkpoints say in config.json."""

from max.pipelines.checkpoint.config_fields import ConfigFields

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
