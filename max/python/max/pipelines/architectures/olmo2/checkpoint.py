"""What OLMo 2 checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

OLMO2_FIELDS = ConfigFields(
    "olmo2", own={"attention_bias": False, "eos_token_id": 50279}, is_completed=True
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    """Of OLMo 2, or of OLMo 3 if there are windows."""
    sizes, windows = gguf.decoder(), gguf.windows(period=4)
    if windows["sliding_window"] is None:
        return {"architectures": ["Olmo2ForCausalLM"], "model_type": "olmo2", **sizes}
    full = sizes["rope_parameters"]
    theta = gguf.own("rope.freq_base_swa", full["rope_theta"])
    local = {"rope_type": "default", "rope_theta": theta}
    return {
        "architectures": ["Olmo3ForCausalLM"],
        "model_type": "olmo3",
        **sizes,
        **windows,
        "rope_parameters": {"full_attention": full, "sliding_attention": local},
    }


OLMO2_GGUF = GGUFFamily("olmo2", _config)
