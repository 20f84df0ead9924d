"""What an OLMo 3 checkpoint's config.json says. Its GGUF files are those of OLMo 2."""

from __future__ import annotations

from max.pipelines.checkpoint.config_fields import ConfigFields

OLMO3_FIELDS = ConfigFields(
    "olmo3",
    own={"attention_bias": False, "layer_types": None, "sliding_window": 4096},
    is_completed=True,
)
