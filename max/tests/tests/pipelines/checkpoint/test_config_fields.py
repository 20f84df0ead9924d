from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.modeling.errors import ModelSourceError

PATH = Path("model/config.json")
FIELDS = ConfigFields(
    "mine",
    own={"clip_qkv": None},
    only={"norm_type": ["rms"], "scale_depth": [1.0], "sliding_window": ()},
    ignored=("mup",),
)


@pytest.mark.parametrize(
    "content",
    [
        {"hidden_size": 5, "rope_scaling": {"factor": 2.0}},
        {"clip_qkv": 8.0, "mup": True},
        {"norm_type": "rms", "scale_depth": 1},
        {"norm_type": None},
        {"torch_dtype": "bfloat16", "use_cache": True, "_name_or_path": "x"},
        {"window_layers": [], "use_gate": False, "softcap": 0, "experts": None},
        {"residual_multiplier": 1.0, "partial_rotary_factor": 1, "max_window_layers": 28},
        {"sliding_window": 4096, "max_window_layers": 2, "use_sliding_window": False},
        {"sliding_window": 4096, "max_position_embeddings": 4096},
        {"num_beams": 1, "repetition_penalty": 1.0, "router_jitter_noise": 0.1},
    ],
)
def test_what_is_known_or_switched_off(content: dict[str, Any]) -> None:
    FIELDS.check(content, PATH)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"norm_type": "layer"}, r"norm_type='layer' \(supported: 'rms'\)"),
        ({"sliding_window": 8}, r"sliding_window=8 \(not known\)"),
        ({"max_window_layers": 2, "sliding_window": 8}, r"max_window_layers=2 \(not known\)"),
        ({"residual_multiplier": 0.5}, r"residual_multiplier=0\.5 \(not known\)"),
        ({"scale_depth": 1.4}, r"scale_depth=1\.4 \(supported: 1\.0\)"),
        ({"use_gate": True}, r"use_gate=True \(not known\)"),
        ({"experts": 4, "hidden_size": 8, "gate": "x"}, r"experts=4 \(not.*, gate='x' \(not"),
    ],
)
def test_what_is_refused_by_name(content: dict[str, Any], told: str) -> None:
    with pytest.raises(ModelSourceError, match=rf"config\.json has what.*{told}.*remove it"):
        FIELDS.check(content, PATH)
