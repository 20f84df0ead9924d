"""What a Mistral checkpoint's config.json says. Its GGUF files are those of Llama."""

from __future__ import annotations

from max.pipelines.checkpoint.config_fields import ConfigFields

MISTRAL_FIELDS = ConfigFields(
    "mistral",
    own={"bos_token_id": 1, "eos_token_id": 2, "head_dim": None, "sliding_window": 4096},
)
