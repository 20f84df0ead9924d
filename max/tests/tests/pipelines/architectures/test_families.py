"""A tiny model of every family has the logits and tokens of transformers.

The slow `test_families_matrix.py` has the variants, and all ways to compute the logits.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.test_common.parity import Pair, check_decoding
from integration.test_common.step_runner import assert_one_segment
from integration.test_common.tiny_families import TINY_FAMILIES, make_pair

# Without the variants, which have a name behind their family's.
FAMILIES = [name for name in TINY_FAMILIES if name.count("-") == 1]


@pytest.fixture(params=FAMILIES)
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    yield make_pair(TINY_FAMILIES[request.param], tmp_path_factory.mktemp("checkpoint"))


def test_logits_and_tokens(pair: Pair) -> None:
    check_decoding(pair)
    assert_one_segment(pair.max)
