"""How far every tiny model is from PyTorch, in every way that its logits can be computed.

And what quantizing the weights of each family costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from integration.test_common.logit_metrics import kl_divergence
from integration.test_common.parity import (
    DECODE_STEPS,
    Pair,
    logit_distances,
    run_decoding,
    run_mixed_batch,
    run_prompt,
)
from integration.test_common.step_runner import RunningRequest, StepRunner
from integration.test_common.tiny_families import WITH_EXPERTS, make_pair
from integration.test_common.tiny_models import TinyModel

Encoding = Literal["float32", "bfloat16"]
_PREFIX_LENGTH = 70
# Encodings of weights, and what each may cost: mean KL divergence in nats.
QUANTIZED: Mapping[str, float] = {
    "q8_0": 5e-3,
    "q6_k": 3e-2,
    "q5_k": 0.1,
    "q4_k": 0.4,
    "q4_0": 0.5,
}
_WIDE_MLP = 512
_MLP_SETTINGS = ("ffn_hidden_size", "n_inner")
WIDE: Mapping[str, Any] = {
    "hidden_size": 256,
    "intermediate_size": _WIDE_MLP,
    "num_attention_heads": 4,
    "head_dim": 64,
}


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
    runner = StepRunner(pair.max.folder, pair.encoding, prefix_caching=True)
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
        folder: for checkpoints; must not exist.
    """
    pair = make_pair(replace(model, dtype=encoding), folder, encoding)
    distances, same_tokens = measure_pair(pair)
    return Measured(model.name, model.architecture, distances, same_tokens)


def has_quantized(name: str) -> bool:
    """Whether a model's quantized encodings are measured: the plain one of each dense family."""
    return name.count("-") == 1 and name not in WITH_EXPERTS


def measure_quantized(model: TinyModel, folder: Path) -> dict[str, float]:
    """What quantizing a model's weights costs, by encoding.

    Args:
        model: which; wider here, since blocks have up to 256 elements.
        folder: for checkpoints; must not exist.

    Returns:
        Mean KL divergence of a prompt's rows from PyTorch's in float32, in nats.
    """
    settings = {k: _WIDE_MLP if k in _MLP_SETTINGS else v for k, v in model.settings.items()}
    model = replace(model, **WIDE, settings=settings)
    pair = make_pair(model, folder)
    prompt = pair.prompt(_PREFIX_LENGTH)
    expected = pair.torch.logits(prompt)
    costs = {}
    for encoding in QUANTIZED:
        runner = StepRunner(pair.max.folder, encoding)
        request = runner.start(prompt)
        runner.finish_prompt(request, len(prompt))
        runner.end(request)
        costs[encoding] = float(kl_divergence(expected, request.logits).mean())
    return costs


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
