"""What the largest step is predicted to take, against sums by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from max.nn.transformer import ReturnLogits
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
    norm once more as the kernel arranges it. The embeddings are there twice, since they are
    computed outside of the program.

    The sampler has logits, a copy and their softmax in float32, and the latter twice in float64;
    the program has its own copy of the logits.
    """
    layers = rows * (4 * HIDDEN + 2 * INTERMEDIATE) * FLOAT
    return layers + 4 * VOCABULARY * (3 * 4 + 2 * 8)


def assert_predicted(predicted: int, expected: int) -> None:
    """Beside the large tensors there are offsets, lengths and pages of 4 requests."""
    assert expected <= predicted <= expected + 1024 + 4 * VOCABULARY * FLOAT


@pytest.mark.parametrize("tokens", [40, 100])
def test_a_step_of_all_tokens_is_what_the_layers_take(folder: Path, tokens: int) -> None:
    assert_predicted(predict(folder, max_batch_input_tokens=tokens), by_hand(tokens))


def test_an_unchunked_prompt_may_be_longer_than_the_token_budget(folder: Path) -> None:
    predicted = predict(folder, max_batch_input_tokens=40, enable_chunked_prefill=False)
    assert_predicted(predicted, by_hand(128))  # --max-length


@pytest.mark.parametrize("kind", [ReturnLogits.ALL, ReturnLogits.VARIABLE])
def test_logits_of_every_row_are_counted(folder: Path, kind: ReturnLogits) -> None:
    logits = 100 * VOCABULARY * FLOAT
    assert predict(folder, kind, max_batch_input_tokens=100) >= logits + by_hand(0)
    assert predict(folder, kind, max_batch_input_tokens=100) < 3 * logits + by_hand(0)


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
