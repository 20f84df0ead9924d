"""A tiny model of every family has the logits of transformers: in one prompt, and decoding."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.test_common.parity import Pair, check_decoding
from integration.test_common.step_runner import assert_one_segment
from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_families import TINY_FAMILIES


@pytest.fixture(params=TINY_FAMILIES)
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("checkpoint") / "model"
    yield Pair(make_checkpoint(TINY_FAMILIES[request.param], folder))


def test_logits_and_tokens(pair: Pair) -> None:
    check_decoding(pair)
    assert_one_segment(pair.max)
