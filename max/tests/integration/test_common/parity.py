"""Holds an architecture against transformers: the checks that every family passes.

A test makes a `Pair` of a tiny checkpoint and calls the checks; each raises AssertionError with the
request, the position and the difference. Prompts are longer than several pages of 16 tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from integration.test_common.logit_metrics import Distances, kl_divergence
from integration.test_common.step_runner import RunningRequest, StepRunner
from integration.test_common.torch_reference import Logits, TorchReference

# Largest difference of a logit in float32, and largest KL divergence in bfloat16 (nats).
FLOAT32_TOLERANCE = 1e-4
BFLOAT16_KL = 1e-2
DECODE_STEPS = 12


@dataclass
class Pair:
    """One checkpoint, run by MAX and by transformers.

    Attributes:
        folder: the checkpoint.
        encoding: of both.
        custom_architectures: packages with architectures of one's own.
    """

    folder: Path
    encoding: str = "float32"
    custom_architectures: tuple[str, ...] = ()

    @cached_property
    def max(self) -> StepRunner:
        """The model under test."""
        return StepRunner(
            self.folder, self.encoding, custom_architectures=self.custom_architectures
        )

    @cached_property
    def torch(self) -> TorchReference:
        """The reference."""
        return TorchReference(self.folder, self.encoding)

    def prompt(self, length: int, seed: int = 0) -> list[int]:
        """Random tokens of the vocabulary."""
        vocab = self.torch.model.config.vocab_size
        return [int(t) for t in np.random.default_rng(seed).integers(0, vocab, length)]


def run_prompt(pair: Pair, chunk: int, length: int = 150) -> RunningRequest:
    """A prompt that is processed in chunks of so many tokens."""
    request = pair.max.start(pair.prompt(length))
    pair.max.finish_prompt(request, chunk)
    pair.max.end(request)
    assert len(request.logits) == length
    return request


def run_decoding(pair: Pair, prompt_length: int = 21) -> RunningRequest:
    """A prompt and the tokens that follow."""
    request = pair.max.start(pair.prompt(prompt_length, seed=1))
    pair.max.finish_prompt(request, prompt_length)
    for _ in range(DECODE_STEPS - 1):
        pair.max.step([(request, 1)])
    pair.max.end(request)
    return request


def run_mixed_batch(pair: Pair) -> list[RunningRequest]:
    """Requests at different stages that share every batch."""
    runner = pair.max
    decoding = runner.start(pair.prompt(33, seed=2))
    slow = runner.start(pair.prompt(40, seed=3))
    runner.finish_prompt(decoding, 33)
    runner.step([(slow, 5), (decoding, 1)])
    fresh = runner.start(pair.prompt(50, seed=4))
    runner.step([(decoding, 1), (fresh, 50), (slow, 1)])
    short = runner.start(pair.prompt(1, seed=5))
    runner.step([(slow, 18), (short, 1), (decoding, 1), (fresh, 1)])
    for _ in range(6):
        runner.step([(short, 1), (slow, 7), (fresh, 1), (decoding, 1)])
    runner.end(decoding, slow, fresh, short)
    return [decoding, slow, fresh, short]


def check_prompt(pair: Pair, chunk: int, length: int = 150) -> None:
    """The logits of a prompt that is processed in chunks of so many tokens."""
    assert_same_logits(pair, run_prompt(pair, chunk, length))


def check_decoding(pair: Pair, prompt_length: int = 21) -> None:
    """The logits of a prompt and of the tokens that follow; the tokens are the same."""
    request = run_decoding(pair, prompt_length)
    assert_same_logits(pair, request)
    expected = pair.torch.greedy(request.tokens[:prompt_length], DECODE_STEPS)
    assert request.generated == expected, f"greedy: {request.generated}, torch: {expected}"


def check_mixed_batch(pair: Pair) -> None:
    """Requests at different stages share every batch; each has the logits that it has alone."""
    for request in run_mixed_batch(pair):
        assert_same_logits(pair, request)


def assert_same_logits(pair: Pair, request: RunningRequest) -> None:
    """A request's logits are those that transformers gives for the same tokens."""
    got = request.logits
    expected = pair.torch.logits(request.tokens[: len(got)])
    assert got.shape == expected.shape
    assert_close(got, expected, pair.encoding)


def assert_close(got: Logits, expected: Logits, encoding: str) -> None:
    """Compares logits [rows, vocab] as the encoding allows."""
    distance = logit_distances(got, expected, encoding)
    limit = FLOAT32_TOLERANCE if encoding == "float32" else BFLOAT16_KL
    worst = int(distance.argmax())
    message = f"position {worst} of {len(got)}: distance {distance[worst]:.3g} > {limit:g}"
    assert distance[worst] <= limit, message


def logit_distances(got: Logits, expected: Logits, encoding: str) -> Distances:
    """How far each row of logits is from the expected one: the largest difference in float32, else
    the KL divergence in nats."""
    if encoding == "float32":
        largest: Distances = np.abs(got - expected).max(axis=-1).astype(np.float64)
        return largest
    return kl_divergence(expected, got)


def check_all(pair: Pair, chunks: Sequence[int] = (1, 7, 128)) -> None:
    """Every check, for a family that has a single test."""
    check_prompt(pair, chunk=150)
    for chunk in chunks:
        check_prompt(pair, chunk)
    check_decoding(pair)
    check_mixed_batch(pair)
