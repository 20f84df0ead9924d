"""What the largest step is predicted to take, against sums by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from max.nn.transformer import ReturnLogits
from max.pipelines.context import SamplingParams, TextContext, TokenBuffer
from max.pipelines.lib.activation_memory import largest_step_bytes
from max.pipelines.lib.registry import PipelineFactory
from tests.pipelines.lib.tiny_llama import make_config, make_tiny_llama

# The tiny Llama's sizes (integration.test_common.tiny_models), and its tokenizer's vocabulary.
HIDDEN, INTERMEDIATE, VOCABULARY = 64, 96, 259
FLOAT = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama checkpoint."""
    return make_tiny_llama(tmp_path_factory.mktemp("tiny") / "model")


def predict(folder: Path, kind: ReturnLogits | None = None, **settings: Any) -> int:
    config = make_config(folder, max_batch_size=4, **settings)
    pipeline = PipelineFactory(config, return_logits=kind)()
    assert pipeline.plan is not None
    predicted = largest_step_bytes(pipeline.pipeline_model, config, 4)
    assert pipeline.plan.activation_bytes == predicted
    return predicted


def by_hand(rows: int) -> int:
    """Widest is where gate and up are computed: beside them the residual stream, its norm, and the
    norm once more as the kernel arranges it.

    The sampler has logits, a copy and their softmax in float32, and the latter twice in float64.
    """
    layers = rows * (3 * HIDDEN + 2 * INTERMEDIATE) * FLOAT
    return layers + 4 * VOCABULARY * (3 * 4 + 2 * 8)


def assert_predicted(predicted: int, rows: int) -> None:
    """Beside the large tensors there are token ids, the program's copy of the logits, and offsets,
    lengths and pages of 4 requests."""
    expected = by_hand(rows)
    assert expected <= predicted <= expected + rows * 8 + 4 * VOCABULARY * FLOAT + 1024


@pytest.mark.parametrize("tokens", [40, 100])
def test_a_step_of_all_tokens_is_what_the_layers_take(folder: Path, tokens: int) -> None:
    assert_predicted(predict(folder, max_batch_input_tokens=tokens), tokens)


def test_an_unchunked_prompt_may_be_longer_than_the_token_budget(folder: Path) -> None:
    predicted = predict(folder, max_batch_input_tokens=40, enable_chunked_prefill=False)
    assert_predicted(predicted, 128)  # --max-length


@pytest.mark.parametrize("kind", [ReturnLogits.ALL, ReturnLogits.VARIABLE])
def test_logits_of_every_row_are_counted(folder: Path, kind: ReturnLogits) -> None:
    logits = 100 * VOCABULARY * FLOAT
    assert predict(folder, kind, max_batch_input_tokens=100) >= logits + by_hand(0)
    assert predict(folder, kind, max_batch_input_tokens=100) < 3 * logits + by_hand(0)


def test_no_step_needs_more_than_was_planned(folder: Path) -> None:
    """Prompts in chunks and requests that decode: the memory stays as it was reserved."""
    config = make_config(folder, max_batch_size=4, max_batch_input_tokens=40)
    pipeline = PipelineFactory(config)()
    model = pipeline.pipeline_model.model  # type: ignore[attr-defined]
    reserved = model.replayed.replays.memory.nbytes
    assert 0 < reserved <= largest_step_bytes(pipeline.pipeline_model, config, 4)
    contexts = [
        TextContext(
            max_length=100,
            tokens=TokenBuffer(np.arange(length)),
            sampling_params=SamplingParams(temperature=0),
        )
        for length in (90, 7, 50)
    ]
    for _ in pipeline.answer(contexts):
        assert model.replayed.replays.memory.nbytes == reserved
    assert model.replayed.replays.keys


def test_an_estimate_of_the_model_s_own_counts_if_it_is_larger(folder: Path) -> None:
    config = make_config(folder, max_batch_size=4)
    model = PipelineFactory(config)().pipeline_model
    measured = largest_step_bytes(model, config, 4)
    for own in (measured + 5, 1):

        class MyModel(type(model)):  # type: ignore[misc]
            estimate = own

            @classmethod
            def estimate_activation_memory(cls, pipeline_config: Any, hf_config: Any) -> int:
                return cls.estimate

        model.__class__ = MyModel
        assert largest_step_bytes(model, config, 4) == max(own, measured)
