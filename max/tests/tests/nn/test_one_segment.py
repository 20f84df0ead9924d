"""A step of a decoder is one recorded segment, whatever the family: there are no exceptions."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.test_common.decoder_run import DecoderRun
from integration.test_common.decoders import DECODERS
from integration.test_common.step_runner import StepRunner, assert_one_segment
from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_models import TINY_MODELS


@pytest.mark.parametrize("family", DECODERS)
def test_decoders_made_of_parts(family: str) -> None:
    run = DecoderRun(family)
    run.logits(chunk=20)
    assert_one_segment(run.model)


@pytest.mark.parametrize("encoding", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", TINY_MODELS)
def test_families_of_the_registry(name: str, encoding: str, tmp_path: Path) -> None:
    runner = StepRunner(make_checkpoint(TINY_MODELS[name], tmp_path / "model"), encoding)
    request = runner.start(range(1, 30))
    runner.finish_prompt(request, 20)
    runner.step([(request, 1)])
    assert_one_segment(runner)
