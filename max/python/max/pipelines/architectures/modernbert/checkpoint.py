"""What ModernBERT checkpoints say in config.json."""

from max.pipelines.checkpoint.config_fields import ConfigFields

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
