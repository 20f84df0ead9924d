"""A step of a decoder is one recorded segment, whatever the family: there are no exceptions."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.test_common.decoder_run import DecoderRun
from integration.test_common.decoders import DECODERS
from integration.test_common.step_runner import StepRunner, assert_one_segment
from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_gguf import write_gguf
from integration.test_common.tiny_models import TINY_MODELS, WIDE_MODELS


@pytest.mark.parametrize("family", DECODERS)
def test_decoders_made_of_parts(family: str) -> None:
    run = DecoderRun(family)
    run.logits(chunk=20)
    assert_one_segment(run.model)


@pytest.mark.parametrize("encoding", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", TINY_MODELS)
def test_families_of_the_registry(name: str, encoding: str, tmp_path: Path) -> None:
    assert_steps_are_one_segment(
        StepRunner(make_checkpoint(TINY_MODELS[name], tmp_path / "model"), encoding)
    )


@pytest.mark.parametrize("encoding", ["q8_0", "q4_k"])
@pytest.mark.parametrize("name", WIDE_MODELS)
def test_gguf_files(name: str, encoding: str, tmp_path: Path) -> None:
    """Also where the table of embeddings is not the head's."""
    checkpoint = make_checkpoint(WIDE_MODELS[name], tmp_path / "checkpoint")
    (tmp_path / "gguf").mkdir()
    write_gguf(checkpoint, tmp_path / "gguf" / "model.gguf", encoding)
    assert_steps_are_one_segment(StepRunner(tmp_path / "gguf", encoding))


def assert_steps_are_one_segment(runner: StepRunner) -> None:
    request = runner.start(range(1, 30))
    runner.finish_prompt(request, 20)
    runner.step([(request, 1)])
    assert_one_segment(runner)
