"""Decoders made of parts have the logits that transformers gives, whole and in chunks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from integration.test_common.decoder_run import PROMPT, DecoderRun
from integration.test_common.decoders import DECODERS


@pytest.fixture(scope="module", params=DECODERS)
def run(request: pytest.FixtureRequest) -> Iterator[DecoderRun]:
    yield DecoderRun(request.param)


@pytest.mark.parametrize("chunk", [1, 7, len(PROMPT)])
def test_logits(run: DecoderRun, chunk: int) -> None:
    assert np.abs(run.expected).max() > 0.5, "a mistake would show"
    np.testing.assert_allclose(run.logits(chunk), run.expected, rtol=0, atol=1e-4)
