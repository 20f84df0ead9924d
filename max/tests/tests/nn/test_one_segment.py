"""A step of a decoder is one recorded segment, whatever the family: there are no exceptions."""

from __future__ import annotations

import operator
from pathlib import Path

import pytest

from integration.test_common.decoder_run import DecoderRun
from integration.test_common.decoders import DECODERS
from integration.test_common.step_runner import StepRunner
from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_models import TINY_MODELS
from max.engine import Model
from max.engine.replay import SegmentRunner
from max.pipelines.lib.decoder_model import DecoderModel


def assert_one_segment(model: Model) -> None:
    """Of a model that has run: operands that a kernel does not take are cut out by then."""
    calls = [
        node.target
        for node in model.replayed.lowered.graph.nodes
        if node.op == "call_function" and node.target is not operator.getitem
    ]
    assert len(calls) == 1, f"these run one by one: {calls}"
    assert isinstance(getattr(calls[0], "__self__", None), SegmentRunner)


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
    decoder = runner.pipeline.pipeline_model
    assert isinstance(decoder, DecoderModel)
    assert_one_segment(decoder.model)
