"""What MPNet checkpoints say in config.json."""

from max.pipelines.checkpoint.config_fields import ConfigFields

# The reference implementation's, whatever config.json says: the token of padding, which is not
# counted, has the position before the first.
PADDING = 1
FIRST_POSITION = PADDING + 1
NUM_BUCKETS = 32

MPNET_FIELDS = ConfigFields(
    "mpnet",
    own={"layer_norm_eps": 1e-12},
    only={"relative_attention_num_buckets": (NUM_BUCKETS,)},
    ignored=("attention_probs_dropout_prob", "hidden_dropout_prob", "tie_word_embeddings"),
    is_completed=True,
)
