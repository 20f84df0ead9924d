"""Tiny models end to end: the same tokens on a device as on the host, captured and overlapped or
not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from integration.gpu.running import answer
from integration.test_common.tiny_checkpoints import cached_checkpoint
from integration.test_common.tiny_models import TINY_MODELS
from max.pipelines.config import PipelineConfig
from max.pipelines.context import SamplingParams, TextContext, TokenBuffer
from max.pipelines.lib import PIPELINE_REGISTRY

# Whether decoding is captured, and whether steps overlap.
WAYS = ((False, False), (True, False), (True, True))
PROMPTS = [range(3, 60), range(5, 9), range(40, 200, 3)]
# Of the prompts: how the greedy answers are changed.
PARAMS: list[dict[str, Any]] = [
    {},
    {"repetition_penalty": 1.3, "frequency_penalty": 0.2, "logit_bias": {7: 2.0}},
    {"presence_penalty": 0.4},
]


class FamilyResult(NamedTuple):
    """Whether all ways of running a model gave the same tokens."""

    name: str
    is_equal: bool


def check_families(
    device: str, names: Sequence[str] = tuple(TINY_MODELS)
) -> Iterator[FamilyResult]:
    """Runs tiny models in float32.

    Args:
        device: as `--devices` takes it.
        names: of `TINY_MODELS`.
    """
    for name in names:
        folder = cached_checkpoint(TINY_MODELS[name])
        wanted = greedy_tokens(folder, "cpu", captured=False, overlaps=False)
        found = [greedy_tokens(folder, device, *way) for way in WAYS]
        yield FamilyResult(name, found == [wanted] * len(WAYS))


def greedy_tokens(
    folder: Path, device: str, captured: bool, overlaps: bool, steps: int = 24
) -> list[list[int]]:
    """The greedy continuations of `PROMPTS`, batched."""
    config = PipelineConfig.from_flat_kwargs(
        model_path=str(folder),
        device_specs=device,
        quantization_encoding="float32",
        max_batch_size=4,
        max_length=128,
        device_graph_capture=None if captured else False,
        enable_overlap_scheduler=overlaps,
    )
    _, pipeline = PIPELINE_REGISTRY.retrieve(config)
    contexts = [
        TextContext(
            max_length=len(prompt) + steps,
            tokens=TokenBuffer(list(prompt)),
            sampling_params=SamplingParams(
                temperature=0.0, max_new_tokens=steps, ignore_eos=True, **params
            ),
        )
        for prompt, params in zip(PROMPTS, PARAMS, strict=True)
    ]
    for _ in answer(pipeline, contexts, overlaps):
        pass
    return [[int(token) for token in ctx.tokens.generated] for ctx in contexts]
