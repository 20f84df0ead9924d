"""What was brought up from outside the tree has PyTorch's logits, in every way of batching."""

# build: deps = ["//max/tests/integration/bring_up/apertus"]
# build: deps = ["//max/tests/integration/bring_up/gpt_neox"]

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from integration.test_common.parity import Pair, check_all, check_prompt
from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_models import TinyModel

HERE = Path(__file__).resolve().parent
SIZES: Mapping[str, Any] = {
    "hidden_size": 72,
    "intermediate_size": 99,
    "num_attention_heads": 6,
    "num_hidden_layers": 3,
}


def make_pair(package: str, config_cls: str, folder: Path, **settings: Any) -> Pair:
    model = TinyModel(
        name=f"tiny-{package}",
        family=package,
        config_cls=config_cls,
        head_dim=12,
        settings=settings,
        **SIZES,
    )
    return Pair(make_checkpoint(model, folder), custom_architectures=(str(HERE / package),))


@pytest.mark.parametrize("is_parallel", [True, False])
def test_gpt_neox(tmp_path: Path, is_parallel: bool) -> None:
    rope = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}
    pair = make_pair(
        "gpt_neox",
        "GPTNeoXConfig",
        tmp_path / "model",
        num_key_value_heads=None,
        head_dim=None,
        attention_bias=True,
        use_parallel_residual=is_parallel,
        rope_parameters=rope,
    )
    if is_parallel:
        check_all(pair, chunks=(7,))
    else:
        check_prompt(pair, chunk=7)


def test_apertus(tmp_path: Path) -> None:
    check_all(make_pair("apertus", "ApertusConfig", tmp_path / "model", head_dim=12), chunks=(7,))
