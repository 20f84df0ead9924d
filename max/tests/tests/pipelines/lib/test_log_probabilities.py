"""Log probabilities are those of the whole prompt's logits, however a request is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from max.nn.transformer import ReturnLogits
from max.pipelines.context import LogProbabilities, SamplingParams, TextContext, TokenBuffer
from max.pipelines.lib import (
    LogProbabilitiesMixin,
    ModelInputs,
    ModelOutputs,
    TextGenerationPipeline,
)
from max.pipelines.lib.registry import PipelineFactory
from max.pipelines.modeling.types import TextGenerationInputs
from tests.pipelines.lib.tiny_llama import make_config, make_tiny_llama

PROMPT = [5, 9, 200, 31, 7, 7, 64, 120, 3, 250, 17, 18, 19, 20, 90, 91, 92, 40, 41]
ANSWER_LENGTH = 5
TOP_N = 3
# The same sums in another order: float32 logits of this model differ by some 1e-6.
TOLERANCE = 2e-5


@dataclass
class Scored:
    """A request, and the log probabilities that came for it."""

    context: TextContext
    prompt: list[float] = field(default_factory=list)
    prompt_best: list[dict[int, float]] = field(default_factory=list)
    answer: list[float] = field(default_factory=list)
    answer_best: list[dict[int, float]] = field(default_factory=list)


def make_request(
    prompt: Sequence[int] = PROMPT, *, echo: bool = True, top_n: int | None = TOP_N
) -> Scored:
    return Scored(
        TextContext(
            max_length=len(prompt) + ANSWER_LENGTH,
            tokens=TokenBuffer(prompt),
            sampling_params=SamplingParams(temperature=0.0),
            log_probabilities=top_n,
            log_probabilities_echo=echo,
        )
    )


def step(
    pipeline: TextGenerationPipeline, requests: Sequence[Scored], chunk: int | None = None
) -> None:
    """One step over requests that are not done; each computes at most `chunk` tokens."""
    running = [request for request in requests if not request.context.is_done]
    for request in running:
        ctx = request.context
        if not pipeline.kv_manager.contains(ctx.request_id):
            pipeline.kv_manager.claim(ctx.request_id)
        ctx.tokens.chunk(chunk or ctx.tokens.remaining_length)
        pipeline.kv_manager.alloc(ctx)
    outputs = pipeline.execute(
        TextGenerationInputs(batches=[[request.context for request in running]])
    )
    for request in running:
        output = outputs[request.context.request_id]
        if output.prompt_log_probabilities is not None:
            request.prompt += output.prompt_log_probabilities.token_log_probabilities
            request.prompt_best += output.prompt_log_probabilities.top_log_probabilities
        assert (output.log_probabilities is None) == (
            request.context.log_probabilities is None or not output.tokens
        )
        for entry in output.log_probabilities or ():
            request.answer += entry.token_log_probabilities
            request.answer_best += entry.top_log_probabilities


def run(pipeline: TextGenerationPipeline, *requests: Scored, chunk: int | None = None) -> None:
    while not all(request.context.is_done for request in requests):
        step(pipeline, requests, chunk)
    for request in requests:
        pipeline.release(request.context.request_id)
    pipeline.kv_manager.check_integrity()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_llama(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="module")
def pipeline(folder: Path) -> TextGenerationPipeline:
    """It gives logits of any row, and reuses prefixes."""
    config = make_config(folder, enable_echo=True, quantization_encoding="float32")
    return PipelineFactory(config)()


def whole_logits(folder: Path, tokens: Sequence[int]) -> np.ndarray:
    """The logits after each token, of a pipeline that gives all of them, in one step."""
    config = make_config(folder, quantization_encoding="float32")
    pipeline = PipelineFactory(config, return_logits=ReturnLogits.ALL)()
    ctx = TextContext(max_length=len(tokens) + 1, tokens=TokenBuffer(tokens))
    pipeline.kv_manager.claim(ctx.request_id)
    pipeline.kv_manager.alloc(ctx)
    logits: np.ndarray = pipeline.pipeline_model.execute(
        pipeline.prepare_batch([[ctx]])
    ).logits.to_numpy()
    return logits


def assert_scores(request: Scored, logits: np.ndarray, *, echo: bool = True) -> None:
    """Compares with log softmax, in double precision, of all logits of the finished request."""
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    want = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    tokens = request.context.tokens.all.tolist()
    count = len(tokens) - 1 if echo else ANSWER_LENGTH
    rows = want[len(tokens) - 1 - count : len(tokens) - 1]
    scores = request.prompt + request.answer
    best = request.prompt_best + request.answer_best
    assert len(request.answer) == ANSWER_LENGTH
    np.testing.assert_allclose(scores, rows[range(count), tokens[-count:]], rtol=0, atol=TOLERANCE)
    for row, found in zip(rows, best, strict=True):
        assert list(found) == np.argsort(-row)[:TOP_N].tolist()
        np.testing.assert_allclose(list(found.values()), row[list(found)], rtol=0, atol=TOLERANCE)


@pytest.fixture(scope="module")
def alone(pipeline: TextGenerationPipeline) -> Scored:
    """The request, computed alone and at once."""
    request = make_request()
    run(pipeline, request)
    return request


@pytest.fixture(scope="module")
def logits(folder: Path, alone: Scored) -> np.ndarray:
    return whole_logits(folder, alone.context.tokens.all.tolist())


def test_whole(alone: Scored, logits: np.ndarray) -> None:
    assert_scores(alone, logits)


@pytest.mark.parametrize("chunk", [1, 2, 5, 18])
def test_in_chunks(pipeline: TextGenerationPipeline, logits: np.ndarray, chunk: int) -> None:
    request = make_request()
    run(pipeline, request, chunk=chunk)

    assert_scores(request, logits)


def test_answer_only_also_after_a_prefix_hit(
    pipeline: TextGenerationPipeline, logits: np.ndarray
) -> None:
    """The prompt's first page, 16 tokens, is in the cache: `alone` came before."""
    request = make_request(echo=False)
    pipeline.kv_manager.claim(request.context.request_id)
    pipeline.kv_manager.alloc(request.context)
    assert request.context.tokens.processed_length == 16
    run(pipeline, request)

    assert request.prompt == []
    assert_scores(request, logits, echo=False)


def test_beside_requests_that_want_less(
    pipeline: TextGenerationPipeline, logits: np.ndarray
) -> None:
    """One decodes and wants nothing, one wants its answer's, two also their prompts'."""
    plain, answer, other = make_request(top_n=None), make_request(echo=False), make_request([8, 9])
    step(pipeline, [plain])
    request = make_request()
    run(pipeline, request, plain, answer, other, chunk=7)

    assert_scores(request, logits)
    assert_scores(answer, logits, echo=False)
    assert len(other.prompt) == 1
    assert (plain.prompt, plain.answer) == ([], [])


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_preempted_request_gets_each_once(
    pipeline: TextGenerationPipeline, logits: np.ndarray, steps: int
) -> None:
    """As the scheduler does it: pages given back, progress forgotten."""
    request = make_request()
    for _ in range(steps):
        step(pipeline, [request], chunk=8)
    pipeline.release(request.context.request_id)
    request.context.reset()
    run(pipeline, request, chunk=8)

    assert_scores(request, logits)


@pytest.mark.parametrize(("scored", "generated"), [(0, 0), (7, 0), (18, 0), (18, 3)])
def test_request_that_another_worker_began_gets_the_rest(
    pipeline: TextGenerationPipeline,
    alone: Scored,
    logits: np.ndarray,
    scored: int,
    generated: int,
) -> None:
    tokens = alone.context.tokens.all[: len(PROMPT) + generated]
    request = make_request()
    request.context.tokens = TokenBuffer(tokens, prompt_length=len(PROMPT))
    request.context.prompt_tokens_scored = scored
    run(pipeline, request)

    assert len(request.prompt) == len(PROMPT) - 1 - scored
    request.prompt = alone.prompt[:scored] + request.prompt
    request.prompt_best = alone.prompt_best[:scored] + request.prompt_best
    request.answer = alone.answer[:generated] + request.answer
    request.answer_best = alone.answer_best[:generated] + request.answer_best
    assert_scores(request, logits)


def test_prompt_of_one_token_has_none(pipeline: TextGenerationPipeline) -> None:
    request = make_request([5])
    run(pipeline, request)

    assert request.prompt == []
    assert len(request.answer) == ANSWER_LENGTH


def test_sampling_does_not_change_them(pipeline: TextGenerationPipeline, alone: Scored) -> None:
    """They are the model's: the temperature and a bias only change which token is taken."""
    request = make_request()
    request.context.sampling_params = SamplingParams(
        temperature=0.3, seed=1, logit_bias={30: 100.0}, repetition_penalty=1.3
    )
    step(pipeline, [request])
    pipeline.release(request.context.request_id)

    assert request.context.tokens.generated.tolist() == [30]
    assert request.prompt == alone.prompt
    assert request.answer_best[0] == alone.answer_best[0]
    assert request.answer[0] < min(request.answer_best[0].values())


def test_graph_without_the_prompt_s_logits_says_so(folder: Path) -> None:
    pipeline = PipelineFactory(make_config(folder))()

    with pytest.raises(ValueError, match="--enable-echo"):
        step(pipeline, [make_request()])


def test_nothing_is_computed_for_requests_that_ask_for_none(
    pipeline: TextGenerationPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither log probabilities nor logits of other rows than each request's last."""
    model = pipeline.pipeline_model
    rows = []

    def refuse(*args: object) -> list[LogProbabilities | None]:
        raise AssertionError("nobody asked")

    def execute(model_inputs: ModelInputs) -> ModelOutputs:
        outputs = type(model).execute(model, model_inputs)
        rows.append(outputs.logits.shape[0])
        return outputs

    monkeypatch.setattr(model, "compute_log_probabilities", refuse)
    monkeypatch.setattr(model, "execute", execute)
    run(pipeline, make_request(top_n=None), make_request([1, 2, 3], top_n=None))

    assert rows == [2] * ANSWER_LENGTH


def test_packages_may_name_the_mixin() -> None:
    class Model(LogProbabilitiesMixin, TextGenerationPipeline):
        pass

    assert Model.__mro__[1] is LogProbabilitiesMixin
