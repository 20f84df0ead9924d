"""A request's token is right, and the same alone, in any batch, and when it is run again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from max.pipelines.context import (
    Constraint,
    ProcessorInputs,
    SamplingParams,
    TextContext,
    TokenBuffer,
)
from max.pipelines.sampling.grammars.compiled import Grammars
from max.pipelines.sampling.grammars.texts import choice_grammar
from max.pipelines.sampling.sampler import Sampler
from tests.pipelines.sampling.grammars.byte_tokens import END, NUM_TOKENS, byte_tokenizer

MakeContext = Callable[..., TextContext]
VOCAB_SIZE = 600


def make_logits(num_rows: int, vocab_size: int = VOCAB_SIZE, seed: int = 0) -> torch.Tensor:
    """Logits of several requests."""
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(num_rows, vocab_size, generator=generator)


def sample(logits: torch.Tensor, contexts: Sequence[TextContext]) -> list[int]:
    """A token for each request."""
    sampler = Sampler()
    return sampler.sample(logits, sampler.prepare(contexts))


def sample_one(logits: torch.Tensor, context: TextContext) -> int:
    """The token of a request alone."""
    [token] = sample(logits[None], [context])
    return token


class CountOperations(TorchDispatchMode):
    """Counts the operations that run, by name."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        self.counts[str(func)] += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("greedy", [{"temperature": 0.0}, {"top_k": 1}])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_greedy_takes_the_largest_logit(
    make_context: MakeContext, greedy: dict[str, Any], dtype: torch.dtype
) -> None:
    logits = make_logits(3).to(dtype)
    tokens = sample(logits, [make_context(**greedy) for _ in range(3)])
    assert tokens == logits.argmax(-1).tolist()


def test_greedy_takes_the_first_of_equal_logits(make_context: MakeContext) -> None:
    logits = torch.zeros(VOCAB_SIZE)
    logits[[17, 300, 599]] = 1.0
    assert sample_one(logits, make_context(temperature=0.0)) == 17


def test_greedy_batch_costs_one_pass(make_context: MakeContext) -> None:
    """NumPy's, on the host: all that torch does is to hand the logits over."""
    logits = make_logits(8)
    contexts = [make_context(temperature=0.0) for _ in range(8)]
    with CountOperations() as operations:
        sample(logits, contexts)
    assert set(operations.counts) <= {"aten.detach.default"}


PARAMS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.sampled_from([0.0, 0.3, 1.0, 5.0]),
        "top_k": st.sampled_from([-1, 1, 5, 100, 500, 1000]),
        "top_p": st.sampled_from([0.1, 0.9, 0.9999]),
        "min_p": st.sampled_from([0.01, 0.5]),
        "repetition_penalty": st.just(1.5),
        "frequency_penalty": st.just(0.5),
        "presence_penalty": st.just(-0.5),
        "min_new_tokens": st.just(50),
        "logit_bias": st.just({3: 5.0, 7: -5.0}),
    },
)


@given(
    requests=st.lists(st.tuples(PARAMS, st.integers(0, 2**60), st.integers(1, 9)), min_size=1),
    order=st.randoms(use_true_random=False),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_token_is_the_same_alone_and_in_any_batch(
    requests: list[tuple[dict[str, Any], int, int]],
    order: Random,
    dtype: torch.dtype,
) -> None:
    logits = make_logits(len(requests), seed=len(requests)).to(dtype)
    contexts = [
        TextContext(
            max_length=1000,
            tokens=TokenBuffer(range(length)),
            sampling_params=SamplingParams(seed=seed, **params),
        )
        for params, seed, length in requests
    ]
    alone = [sample_one(row, context) for row, context in zip(logits, contexts, strict=True)]
    rows = list(range(len(requests)))
    order.shuffle(rows)
    together = sample(logits[rows], [contexts[row] for row in rows])
    assert together == [alone[row] for row in rows]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"temperature": 0.7},
        {"temperature": 2.0, "top_k": 7},
        {"temperature": 1.5, "top_p": 0.8},
        {"temperature": 1.5, "min_p": 0.1},
        {"temperature": 1.2, "top_k": 10, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.4},
    ],
)
def test_tokens_follow_hugging_faces_distribution(
    make_context: MakeContext, assert_fits: Callable[..., None], params: dict[str, Any]
) -> None:
    """Twenty thousand requests that differ in their seed only."""
    logits = make_logits(1, vocab_size=20)[0] / 3
    prompt = [1, 2, 3]
    warpers = LogitsProcessorList()
    if "repetition_penalty" in params:
        warpers.append(RepetitionPenaltyLogitsProcessor(params["repetition_penalty"]))
    warpers.append(TemperatureLogitsWarper(params.get("temperature", 1.0)))
    if "top_k" in params:
        warpers.append(TopKLogitsWarper(params["top_k"]))
    if "top_p" in params:
        warpers.append(TopPLogitsWarper(params["top_p"]))
    if "min_p" in params:
        warpers.append(MinPLogitsWarper(params["min_p"]))
    scores = warpers(torch.LongTensor([prompt]), logits[None].clone())
    expected = torch.softmax(scores, -1)[0]

    counts: Counter[int] = Counter()
    for start in range(0, 20_000, 2_000):
        contexts = [make_context(prompt, seed=start + n, **params) for n in range(2_000)]
        counts.update(sample(logits.expand(2_000, -1), contexts))
    assert_fits([counts[token] for token in range(20)], expected.tolist())


def test_positions_of_one_request_follow_the_distribution(
    make_context: MakeContext, assert_fits: Callable[..., None]
) -> None:
    logits = torch.log(torch.tensor([0.1, 0.2, 0.3, 0.4]))
    context = make_context([0], seed=5)
    counts: Counter[int] = Counter()
    for _ in range(5_000):
        counts[sample_one(logits, context)] += 1
        context.tokens.append(0)
    assert_fits([counts[token] for token in range(4)], [0.1, 0.2, 0.3, 0.4])


def test_request_that_is_run_again_goes_on_as_before(make_context: MakeContext) -> None:
    def run(context: TextContext, num_tokens: int) -> list[int]:
        for _ in range(num_tokens):
            logits = make_logits(1, seed=int(context.tokens.all[-1]))[0]
            context.update(sample_one(logits, context))
        return list(context.tokens.all)

    params: dict[str, Any] = {"seed": 3, "temperature": 2.0, "presence_penalty": 1.0}
    undisturbed = run(make_context([1, 2], **params), 20)
    emitted = run(make_context([1, 2], **params), 8)
    assert run(make_context(emitted[:2], emitted[2:], **params), 12) == undisturbed


def test_seeds_differ(make_context: MakeContext) -> None:
    logits = torch.zeros(50, VOCAB_SIZE)
    tokens = sample(logits, [make_context(seed=seed) for seed in range(50)])
    assert len(set(tokens)) > 40


@pytest.mark.parametrize("temperature", [1e-6, 1e-300])
def test_tiny_temperature_is_greedy(make_context: MakeContext, temperature: float) -> None:
    logits = make_logits(1)[0]
    token = sample_one(logits, make_context(temperature=temperature, seed=1))
    assert token == int(logits.argmax())


def test_given_logits_are_not_changed(make_context: MakeContext) -> None:
    logits = make_logits(2)
    before = logits.clone()
    edited = make_context(repetition_penalty=1.5, logit_bias={1: 3.0}, temperature=0.5, seed=1)
    sample(logits, [edited, make_context(top_k=3, seed=1)])
    assert torch.equal(logits, before)


class CaptureGeneratedLogits:
    """As the documentation of logit comparison has it."""

    def __init__(self) -> None:
        self.captured: dict[str, list[np.ndarray[Any, Any]]] = {}

    def __call__(self, inputs: ProcessorInputs) -> None:
        rows = self.captured.setdefault(inputs.context.request_id, [])
        rows.append(inputs.logits[-1, :].to_numpy())


def test_processors_see_the_logits_of_their_request(make_context: MakeContext) -> None:
    capture = CaptureGeneratedLogits()
    logits = make_logits(3)
    contexts = [make_context(logits_processors=[capture], temperature=0.0) for _ in range(3)]
    sample(logits, contexts)
    for row, context in zip(logits, contexts, strict=True):
        [captured] = capture.captured[context.request_id]
        np.testing.assert_array_equal(captured, row.numpy())


def test_processors_change_logits_in_turn(make_context: MakeContext) -> None:
    def force(token: int) -> Callable[[ProcessorInputs], None]:
        def processor(inputs: ProcessorInputs) -> None:
            inputs.logits.tensor[-1, token] = float(inputs.logits.tensor.max()) + 100

        return processor

    capture = CaptureGeneratedLogits()
    logits = make_logits(2)
    context = make_context(logits_processors=[force(4), capture, force(9)], seed=1)
    other = make_context(temperature=0.0)
    tokens = sample(logits, [context, other])
    assert tokens == [9, int(logits[1].argmax())]
    [captured] = capture.captured[context.request_id]
    assert captured.argmax() == 4  # what a processor keeps is not changed by the next one


def test_token_forced_by_an_infinite_logit(make_context: MakeContext) -> None:
    logits = make_logits(1)[0]
    logits[5] = torch.inf
    assert sample_one(logits, make_context(seed=1)) == 5
    assert sample_one(logits, make_context(seed=1, top_p=0.5)) == 5
    assert sample_one(logits, make_context(temperature=0.0)) == 5


@pytest.mark.parametrize("params", [{"temperature": 0.0}, {"seed": 1}])
@pytest.mark.parametrize("broken", [torch.full((VOCAB_SIZE,), -torch.inf), torch.tensor(torch.nan)])
def test_request_without_a_choice_is_named(
    make_context: MakeContext, params: dict[str, Any], broken: torch.Tensor
) -> None:
    logits = make_logits(2)
    logits[1, : broken.numel()] = broken
    contexts = [make_context(**params), make_context(**params)]
    with pytest.raises(ValueError, match="NaN") as caught:
        sample(logits, contexts)
    assert contexts[1].request_id in str(caught.value)
    assert contexts[0].request_id not in str(caught.value)


def test_missing_seed_is_refused(make_context: MakeContext) -> None:
    with pytest.raises(ValueError, match="has no seed"):
        sample_one(make_logits(1)[0], make_context())


@pytest.mark.parametrize("shape", [(3, 5), (1, 5), (2,), (2, 1, 5)])
def test_shape_that_does_not_match(make_context: MakeContext, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"allowed is \[2, vocab_size\]"):
        sample(torch.zeros(shape), [make_context(seed=1), make_context(seed=2)])


def test_empty_batch() -> None:
    assert sample(torch.zeros(0, VOCAB_SIZE), []) == []


def test_a_constraint_leaves_other_rows_as_they_are(make_context: MakeContext) -> None:
    """Greedy and sampled ones; the constrained answer is what its grammar has."""
    sampler = Sampler(Grammars(byte_tokenizer))
    params: list[dict[str, Any]] = [{"temperature": 0}, {"seed": 3}]
    free = [make_context(**each) for each in params]
    bound = [make_context(end_tokens=[END], **each) for each in params]
    for context in bound:
        context.constraint = Constraint(grammar=choice_grammar(["z"]))
    logits = make_logits(4, NUM_TOKENS)
    before = logits.clone()

    batch = sampler.prepare([*free, *bound])
    tokens = sampler.sample(logits, batch)

    assert tokens[:2] == sample(logits[:2], free)
    assert tokens[2:] == [ord("z")] * 2
    assert batch.needs_tokens
    assert not sampler.prepare(free).needs_tokens
    assert torch.equal(logits, before)


@pytest.mark.parametrize(("top_p", "kept"), [(0.5, {0}), (0.51, {0, 1}), (0.75, {0, 1})])
def test_top_p_ends_with_the_token_that_reaches_it(
    make_context: MakeContext, top_p: float, kept: set[int]
) -> None:
    """Of probabilities 1/2, 1/4, 1/8 and 1/8, which are exact in binary."""
    logits = torch.tensor([0.5, 0.25, 0.125, 0.125], dtype=torch.float64).log().float()

    drawn = {
        sample_one(logits, make_context([1], [], top_p=top_p, seed=seed)) for seed in range(200)
    }

    assert drawn == kept


def test_extreme_logits_give_the_same_tokens_on_the_host_and_on_a_device(
    make_context: MakeContext,
) -> None:
    sampler, there = Sampler(), Sampler(on_device=True)
    for seed in range(10):
        contexts = [
            make_context(seed=seed, temperature=temperature)
            for temperature in (1.0, 1e-60, 1e-30, 1e30, 0.7)
        ]
        logits = make_logits(5, seed=seed)
        logits[0, [5, 9]] = torch.inf
        logits[1:, ::2] = -torch.inf
        logits[3, 7] = torch.finfo(torch.float32).max
        batch = sampler.prepare(contexts)

        tokens = sampler.sample(logits, batch)

        assert tokens == there.choose(logits, batch).known()
        assert tokens[0] in (5, 9)
        assert tokens[1:3] == logits[1:3].argmax(-1).tolist()


def test_on_a_device_tokens_are_the_same_and_errors_come_with_them(
    make_context: MakeContext,
) -> None:
    contexts = [
        make_context(temperature=0),
        make_context(seed=3, top_k=5),
        make_context(seed=4, temperature=0.7, top_p=0.8),
    ]
    sampler, there = Sampler(), Sampler(on_device=True)
    batch = sampler.prepare(contexts)
    for seed in range(20):
        logits = make_logits(3, seed=seed)
        chosen = there.choose(logits, batch)
        assert chosen.tensor.tolist() == chosen.known() == sampler.sample(logits, batch)
    logits[1, 7] = torch.nan
    broken = there.choose(logits, batch)
    assert broken.tensor[0] == logits[0].argmax()
    with pytest.raises(ValueError, match=f"for the requests {contexts[1].request_id}: their logit"):
        broken.known()


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_choices_on_a_device_are_the_hosts(make_context: MakeContext, temperature: float) -> None:
    """To the token, also of requests whose last token only the device knows yet."""
    params = {
        "temperature": temperature,
        "seed": 5,
        "top_k": 40,
        "repetition_penalty": 3.0,
        "frequency_penalty": 1.5,
        "logit_bias": {7: 2.0, 11: -3.0},
    }
    contexts = [make_context([1, 2, token], [3, token], **params) for token in range(20, 26)]
    contexts.insert(2, make_context(temperature=temperature, seed=9))
    there, here = Sampler(on_device=True), Sampler()
    last = there.sample(make_logits(7, seed=1), there.prepare(contexts))
    assert last == here.sample(make_logits(7, seed=1), here.prepare(contexts))
    for context in contexts:
        context.expect_token()
    late = {context.request_id: 6 - row for row, context in enumerate(contexts)}
    logits = make_logits(7, seed=2)
    logits[range(7), last] += 4.0  # Taken again, unless it counts.
    batch = there.prepare(contexts, late)
    found = there.choose(logits, batch, torch.tensor(last[::-1])).known()
    for context, token in zip(contexts, last, strict=True):
        context.fill(token)
    assert found == here.sample(logits, here.prepare(contexts))
    assert found != last
