"""Logits that are changed on their device are those that the host would have changed."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest
import torch

from max.pipelines.context import TextContext
from max.pipelines.sampling.edits_on_device import LogitEdits
from max.pipelines.sampling.penalties import edit_logits
from max.pipelines.sampling.sampler import Sampler
from max.pipelines.sampling.token_counts import TokenCounts

MakeContext = Callable[..., TextContext]
VOCAB_SIZE = 40
PENALTIES: dict[str, float] = {
    "repetition_penalty": 1.3,
    "frequency_penalty": 0.3,
    "presence_penalty": -0.7,
}
PARAMS: list[dict[str, Any]] = [
    {"repetition_penalty": 1.7},
    {"frequency_penalty": 0.1},
    {"presence_penalty": 1.1},
    {"logit_bias": {3: 5.5, 39: -2.25}},
    {"min_new_tokens": 9, "end_tokens": [4, 7]},
    {**PENALTIES, "logit_bias": {1: 4.0, 7: -100.0}, "min_new_tokens": 9, "end_tokens": [1]},
]


def make_logits(rows: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, VOCAB_SIZE, generator=torch.Generator().manual_seed(seed))


def on_host(logits: torch.Tensor, contexts: list[TextContext]) -> torch.Tensor:
    edited = logits.clone()
    for row, context in zip(edited, contexts, strict=True):
        edit_logits(row, context)
    return edited


def on_device(
    logits: torch.Tensor, contexts: list[TextContext], counts: TokenCounts
) -> torch.Tensor:
    edits = LogitEdits.of(contexts, range(len(contexts)), counts, {})
    return edits.apply(logits, counts, None)


@pytest.mark.parametrize("params", PARAMS, ids=str)
def test_each_change_is_the_hosts(make_context: MakeContext, params: dict[str, Any]) -> None:
    """To the bit, while tokens are added, and beside requests without changes."""
    counts = TokenCounts()
    contexts = [
        make_context([1, 7, 7, 20], [3, 3, 7, 39], **params),
        make_context(),
        make_context([5], **params),
    ]
    for step in range(12):
        logits = make_logits(3, step)
        before = logits.clone()
        assert torch.equal(on_device(logits, contexts, counts), on_host(logits, contexts))
        assert torch.equal(logits, before)
        for place, context in enumerate(contexts):
            context.tokens.append((7 * step + place) % 9)


def test_a_token_counts_before_the_host_knows_it(make_context: MakeContext) -> None:
    counts = TokenCounts()
    contexts = [make_context([1, 2], [number], **PENALTIES) for number in range(3)]
    on_device(make_logits(3), contexts, counts)
    for context in contexts:
        context.expect_token()
    late = {context.request_id: 2 - number for number, context in enumerate(contexts)}
    edits = LogitEdits.of(contexts, range(3), counts, late)
    found = edits.apply(make_logits(3), counts, torch.tensor([8, 1, 2]))
    for context, token in zip(contexts, (2, 1, 8), strict=True):
        context.fill(token)
    assert torch.equal(found, on_host(make_logits(3), contexts))
    # And not again once it does.
    assert torch.equal(on_device(make_logits(3), contexts, counts), found)


def test_a_line_is_for_the_next_request_when_its_own_is_gone(make_context: MakeContext) -> None:
    counts = TokenCounts()
    first = [make_context([number], [5, 6], **PENALTIES) for number in range(3)]
    on_device(make_logits(3), first, counts)
    del first
    gc.collect()
    # More requests than lines that were free, and than there is room for at first.
    second = [make_context([9], [number], **PENALTIES) for number in range(11)]
    found = on_device(make_logits(11), second, counts)
    assert torch.equal(found, on_host(make_logits(11), second))
    assert sorted(counts.prepare(second, {}).lines) == list(range(11))


def test_tokens_count_on_when_a_request_is_run_again(make_context: MakeContext) -> None:
    """Its pages were taken; its tokens stay."""
    counts = TokenCounts()
    context = make_context([1, 2], [3, 3], **PENALTIES)
    on_device(make_logits(1), [context], counts)
    context.reset()
    context.tokens.append(3)
    found = on_device(make_logits(1), [context], counts)
    assert torch.equal(found, on_host(make_logits(1), [context]))


@pytest.mark.parametrize(
    ("prompt", "params"),
    [([1, 40], {"repetition_penalty": 2.0}), ([1], {"logit_bias": {40: 1.0}})],
)
def test_tokens_that_the_model_does_not_have_are_refused(
    make_context: MakeContext, prompt: list[int], params: dict[str, Any]
) -> None:
    context = make_context(prompt, **params)
    with pytest.raises(ValueError, match=f"{context.request_id} names the tokens .* to 40; the mo"):
        on_device(make_logits(1), [context], TokenCounts())


def test_only_what_reads_tokens_on_the_host_waits_for_them(make_context: MakeContext) -> None:
    sampler = Sampler(on_device=True)
    contexts = [make_context(seed=1, **params) for params in PARAMS]
    assert not sampler.prepare(contexts).needs_tokens
    processed = make_context(seed=1, logits_processors=[lambda inputs: None])
    assert sampler.prepare([*contexts, processed]).needs_tokens
    assert Sampler().prepare(contexts).needs_tokens


def test_processors_see_what_was_changed_before(make_context: MakeContext) -> None:
    """As on the host; other rows are left alone."""
    seen = []
    processor = lambda inputs: seen.append(inputs.logits.tensor.clone())  # noqa: E731
    contexts = [
        make_context([1, 2], [3], temperature=0.0, logits_processors=[processor], **PENALTIES),
        make_context([1, 2], [3], temperature=0.0, **PENALTIES),
    ]
    sampler = Sampler(on_device=True)
    tokens = sampler.sample(make_logits(2), sampler.prepare(contexts))
    expected = on_host(make_logits(2), contexts)
    assert tokens == expected.argmax(-1).tolist()
    assert torch.equal(torch.cat(seen), expected[:1])
