"""How far every tiny model is from PyTorch, in every way that its logits can be computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from integration.test_common.parity import (
    DECODE_STEPS,
    Pair,
    logit_distances,
    run_decoding,
    run_mixed_batch,
    run_prompt,
)
from integration.test_common.step_runner import RunningRequest, StepRunner
from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_models import TinyModel

Encoding = Literal["float32", "bfloat16"]
_PREFIX_LENGTH = 70


@dataclass(frozen=True)
class Measured:
    """One model in one encoding.

    Attributes:
        model: its name.
        architecture: as config.json has it.
        distances: the largest of any row of logits, by way of batching: of a logit in float32, KL
            divergence in nats in bfloat16.
        same_tokens: whether greedy decoding gives PyTorch's tokens.
    """

    model: str
    architecture: str
    distances: Mapping[str, float]
    same_tokens: bool


def _prefix_hit(pair: Pair) -> list[RunningRequest]:
    """The second request finds the first pages of its prompt in the cache."""
    runner = StepRunner(pair.folder, pair.encoding, prefix_caching=True)
    for _ in range(2):
        request = runner.start(pair.prompt(_PREFIX_LENGTH))
        runner.finish_prompt(request, _PREFIX_LENGTH)
        runner.end(request)
    assert len(request.logits) < _PREFIX_LENGTH
    return [request]


WAYS: Mapping[str, Callable[[Pair], list[RunningRequest]]] = {
    "whole": lambda pair: [run_prompt(pair, 150)],
    "by 1": lambda pair: [run_prompt(pair, 1)],
    "by 7": lambda pair: [run_prompt(pair, 7)],
    "by 128": lambda pair: [run_prompt(pair, 128)],
    "decoding": lambda pair: [run_decoding(pair)],
    "mixed batch": run_mixed_batch,
    "prefix hit": _prefix_hit,
}


def measure(model: TinyModel, encoding: Encoding, folder: Path) -> Measured:
    """Runs a model in every way.

    Args:
        model: which.
        encoding: "float32" or "bfloat16"; of the checkpoint, of MAX and of PyTorch.
        folder: for the checkpoint; must not exist.
    """
    pair = Pair(make_checkpoint(replace(model, dtype=encoding), folder), encoding)
    distances, same_tokens = measure_pair(pair)
    return Measured(model.name, model.architecture, distances, same_tokens)


def measure_pair(pair: Pair) -> tuple[dict[str, float], bool]:
    """The largest distance by way of batching, and whether greedy tokens are PyTorch's."""
    distances, same_tokens = {}, True
    for way, run in WAYS.items():
        requests = run(pair)
        distances[way] = max(_distance(pair, request) for request in requests)
        if way == "decoding":
            (request,) = requests
            prompt = request.tokens[: -len(request.generated)]
            same_tokens = request.generated == pair.torch.greedy(prompt, DECODE_STEPS)
    return distances, same_tokens


def _distance(pair: Pair, request: RunningRequest) -> float:
    """Of the rows that were computed: all but those whose pages were in the cache."""
    got = request.logits
    known = len(request.tokens) - 1  # the last token was sampled and not yet read
    expected = pair.torch.logits(request.tokens[:known])[known - len(got) :]
    return float(np.max(logit_distances(got, expected, pair.encoding)))
