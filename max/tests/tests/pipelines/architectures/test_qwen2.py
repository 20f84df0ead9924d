from __future__ import annotations

from pathlib import Path

import pytest

from integration.test_common.parity import Pair, check_prompt
from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_models import TINY_MODELS
from max.pipelines.lib import PIPELINE_REGISTRY
from tests.pipelines.architectures.checkpoints import change_config, change_weights, make_config


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint that a test may change."""
    return make_checkpoint(TINY_MODELS["tiny-qwen2"], tmp_path / "model")


def test_windows_that_are_switched_off(folder: Path) -> None:
    """Real checkpoints name a window and do not use it."""
    change_config(folder, {"sliding_window": 8, "use_sliding_window": False})
    check_prompt(Pair(folder), 40, length=40)


@pytest.mark.parametrize("max_window_layers", [0, 1])
def test_windows(folder: Path, max_window_layers: int) -> None:
    windows = {"sliding_window": 8, "use_sliding_window": True, "layer_types": None}
    change_config(folder, {**windows, "max_window_layers": max_window_layers})
    check_prompt(Pair(folder), 7, length=40)


def test_biases_are_required(folder: Path) -> None:
    name = "layers.1.self_attn.k_proj.bias"
    change_weights(folder, lambda weights: weights.pop(f"model.{name}"))
    with pytest.raises(ValueError, match=f"Missing required weights: {name}"):
        PIPELINE_REGISTRY.retrieve(make_config(folder))
