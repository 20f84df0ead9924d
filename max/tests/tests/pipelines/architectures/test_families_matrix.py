"""Every family in every way that its logits can be computed, in float32 and bfloat16."""

# build: size = "large"

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from integration.test_common.logit_metrics import kl_divergence
from integration.test_common.parity import (
    Pair,
    assert_close,
    check_decoding,
    check_mixed_batch,
    check_prompt,
)
from integration.test_common.step_runner import StepRunner, assert_one_segment
from integration.test_common.tiny_families import TINY_FAMILIES, WITH_EXPERTS, make_pair

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=TINY_FAMILIES)
def float32_pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """A family's model in float32."""
    yield make_pair(TINY_FAMILIES[request.param], tmp_path_factory.mktemp("checkpoint"))


@pytest.mark.parametrize("chunk", [1, 7, 128, 150])
def test_prompt(float32_pair: Pair, chunk: int) -> None:
    """150 tokens: beyond every window, and the original context of every scaled rope."""
    check_prompt(float32_pair, chunk)


def test_mixed_batch(float32_pair: Pair) -> None:
    check_mixed_batch(float32_pair)


def test_prefix_hit(float32_pair: Pair) -> None:
    """A request whose first pages are cached computes only the rest, with the same logits."""
    runner = StepRunner(float32_pair.max.folder, prefix_caching=True)
    prompt = float32_pair.prompt(70)
    first = runner.start(prompt)
    runner.finish_prompt(first, 70)
    runner.end(first)
    second = runner.start(prompt)
    runner.finish_prompt(second, 70)
    skipped = 70 - len(second.logits)
    assert skipped == 64  # four pages of 16 tokens
    assert_close(second.logits, float32_pair.torch.logits(prompt)[skipped:], "float32")
    runner.end(second)


@pytest.mark.parametrize("name", sorted(WITH_EXPERTS))
def test_bfloat16_with_experts(name: str, tmp_path: Path) -> None:
    """A token for which rounding chooses another expert differs by more than others do."""
    model = replace(TINY_FAMILIES[name], dtype="bfloat16")
    pair = make_pair(model, tmp_path, "bfloat16")
    request = pair.max.start(pair.prompt(150))
    pair.max.finish_prompt(request, 150)
    distance = kl_divergence(pair.torch.logits(pair.prompt(150)), request.logits)
    assert distance.mean() < 5e-3
    assert np.median(distance) < 1e-3
    assert_one_segment(pair.max)


@pytest.mark.parametrize("name", sorted(TINY_FAMILIES.keys() - WITH_EXPERTS))
def test_bfloat16(name: str, tmp_path: Path) -> None:
    model = replace(TINY_FAMILIES[name], dtype="bfloat16")
    pair = make_pair(model, tmp_path, "bfloat16")
    check_prompt(pair, 150)
    check_prompt(pair, 7)
    check_mixed_batch(pair)
    assert_one_segment(pair.max)


def test_decoding(float32_pair: Pair) -> None:
    check_decoding(float32_pair)
