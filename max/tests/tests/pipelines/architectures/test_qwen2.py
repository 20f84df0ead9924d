from __future__ import annotations

from pathlib import Path

import pytest

from integration.test_common.parity import (
    Pair,
    assert_close,
    check_decoding,
    check_mixed_batch,
    check_prompt,
)
from integration.test_common.step_runner import StepRunner
from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_models import TINY_MODELS
from max.nn import Mask
from max.pipelines.lib import PIPELINE_REGISTRY
from max.pipelines.lib.decoder import Decoder
from tests.pipelines.architectures.checkpoints import change_config, change_weights, make_config


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint that a test may change."""
    return make_checkpoint(TINY_MODELS["tiny-qwen2"], tmp_path / "model")


def test_windows_that_are_switched_off(folder: Path) -> None:
    """Real checkpoints name a window and do not use it."""
    change_config(folder, {"sliding_window": 8, "use_sliding_window": False})
    check_prompt(Pair(folder), 40, length=40)


def use_windows(folder: Path, max_window_layers: int = 1) -> None:
    """Lets the layers from `max_window_layers` on (of two) see 8 tokens."""
    windows = {"sliding_window": 8, "use_sliding_window": True, "layer_types": None}
    change_config(folder, {**windows, "max_window_layers": max_window_layers})


@pytest.mark.parametrize("max_window_layers", [0, 1])
@pytest.mark.parametrize("page_size", [3, 16])
def test_windows(folder: Path, max_window_layers: int, page_size: int) -> None:
    """Their pages before the window are given away; whole, in chunks, batched and decoding."""
    use_windows(folder, max_window_layers)
    pair = Pair(folder)
    pair.max = StepRunner(folder, page_size=page_size)
    check_prompt(pair, 7, length=40)
    check_prompt(pair, 40, length=40)
    check_decoding(pair)
    check_mixed_batch(pair)


def test_windowed_layers_hold_the_pages_of_their_window_only(folder: Path) -> None:
    use_windows(folder)
    runner = StepRunner(folder, page_size=4)
    request = runner.start(list(range(5, 65)))
    runner.finish_prompt(request, 10)
    runner.step([(request, 1)])
    manager = runner.pipeline.kv_manager
    full, windowed = (
        manager.blocks.pages_of(request.context.request_id, table) for table in range(2)
    )
    assert 0 not in full
    # Token 61 is next and sees the tokens from 54 on, which are in pages 13, 14 and 15.
    assert windowed[:13] == (0,) * 13
    assert 0 not in windowed[13:]
    assert manager.metrics.num_used_pages == 16 + 3


def test_a_prefix_hit_with_windows(folder: Path) -> None:
    """The pages of the windows behind the prefix are found, the logits are the same."""
    use_windows(folder)
    pair = Pair(folder)
    runner = StepRunner(folder, page_size=4, prefix_caching=True)
    first = runner.start(pair.prompt(50))
    runner.finish_prompt(first, 9)
    runner.end(first)
    second = runner.start([*pair.prompt(42), 7, 8, 9])
    runner.finish_prompt(second, 50)
    skipped = 45 - len(second.logits)
    assert skipped == 40
    expected = pair.torch.logits(second.tokens[:45])
    assert_close(second.logits, expected[skipped:], "float32")
    runner.end(second)


def test_layers_that_see_more_than_the_cache_keeps_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_windows(folder)
    settings = Decoder.attention_settings
    monkeypatch.setattr(
        Decoder,
        "attention_settings",
        lambda *given: {**settings(*given), "mask": Mask(window=9)},
    )
    with pytest.raises(ValueError, match="the cache keeps only the last 8 tokens of this layer"):
        StepRunner(folder)


def test_biases_are_required(folder: Path) -> None:
    name = "layers.1.self_attn.k_proj.bias"
    change_weights(folder, lambda weights: weights.pop(f"model.{name}"))
    with pytest.raises(ValueError, match=f"Missing required weights: {name}"):
        PIPELINE_REGISTRY.retrieve(make_config(folder))
