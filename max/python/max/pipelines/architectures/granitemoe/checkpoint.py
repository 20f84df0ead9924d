"""What Granite checkpoints with experts say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from max.pipelines.architectures.granite.checkpoint import GRANITE_FIELDS, GRANITE_GGUF
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

GRANITEMOE_FIELDS = replace(
    GRANITE_FIELDS,
    model_type="granitemoe",
    own={**GRANITE_FIELDS.own, "num_experts_per_tok": 2, "num_local_experts": 8},
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {
        **gguf.experts("num_local_experts"),
        **GRANITE_GGUF.config(gguf),
        "architectures": ["GraniteMoeForCausalLM"],
        "model_type": "granitemoe",
    }


GRANITEMOE_GGUF = GGUFFamily("granitemoe", _config)
