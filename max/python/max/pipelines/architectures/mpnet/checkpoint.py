"""What MPNet checkpoints say in config.json."""

from max.pipelines.checkpoint.config_fields import ConfigFields

# The reference implementation's, which is behind that of padding, whatever config.json says.
FIRST_POSITION = 2
NUM_BUCKETS = 32

MPNET_FIELDS = ConfigFields(
    "mpnet",
    own={"layer_norm_eps": 1e-12},
    only={"relative_attention_num_buckets": (NUM_BUCKETS,)},
    ignored=("attention_probs_dropout_prob", "hidden_dropout_prob", "tie_word_embeddings"),
    is_completed=True,
)
