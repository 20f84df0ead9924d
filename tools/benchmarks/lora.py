"""What adapters cost: tokens per second of a model without them, beside them, and with them.

    python3 -m tools.benchmarks.lora --model DIR --encoding bfloat16

Kinds of rounds take turns in one process: requests of a pipeline without `--enable-lora`, of the
base model in a pipeline with it, and of adapters there. A rate is compared with the first kind's in
the same round, since a machine's memory is not as fast in every minute. Both pipelines read their
weights at the same places, since memory is not as fast everywhere either.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

import numpy as np
import torch

from max.nn.lora import LayerUpdate
from max.pipelines.context import EOSTracker, SamplingParams, TextContext, TokenBuffer
from max.pipelines.lib import PIPELINE_REGISTRY, PipelineConfig, TextGenerationPipeline
from max.pipelines.lib.decoder_model import DecoderModel
from max.pipelines.lib.registry import PipelineFactory
from max.pipelines.lora.fitting import FittedAdapter
from max.pipelines.modeling.types import TextGenerationInputs
from max.pipelines.scheduling import Scheduler, SchedulerConfig

_NOT_OF_BLOCKS = ("embed_tokens", "lm_head")


def main() -> None:
    """Runs the measurement and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--weights", help="a GGUF file in place of the model's own weights")
    parser.add_argument("--encoding", default="bfloat16")
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--adapters", type=int, default=8)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--prompt", type=int, default=16, help="tokens of a prompt")
    parser.add_argument("--answer", type=int, default=16, help="tokens of an answer")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    started = time.perf_counter()
    plain = _make_pipeline(given, enable_lora=False)
    adapted = _make_pipeline(given, enable_lora=True)
    _share_weights(plain, adapted)
    digests = _add_adapters(adapted, given.adapters, given.rank)
    kinds: dict[str, tuple[TextGenerationPipeline, Sequence[str | None]]] = {
        "without --enable-lora": (plain, [None]),
        "base model": (adapted, [None]),
        "1 adapter": (adapted, digests[:1]),
        f"{given.adapters} adapters": (adapted, digests),
    }
    for pipeline, names in kinds.values():  # Programs are recorded, and slots filled.
        _run(pipeline, names, given, answer=3)
    print(f"ready after {time.perf_counter() - started:.1f} s", flush=True)
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(given.rounds):
        for kind, (pipeline, names) in kinds.items():
            rates[kind].append(_run(pipeline, names, given, given.answer))
        print(*(f"{found[-1]:.1f}" for found in rates.values()), flush=True)
    first = next(iter(rates.values()))
    print("| requests | tokens/s | of the first in the same round |\n| --- | ---: | ---: |")
    for kind, found in rates.items():
        shares = [100 * rate / other for rate, other in zip(found, first, strict=True)]
        print(f"| {kind} | {_middle(found, '.1f')} | {_middle(shares, '.1f')} % |")


def _middle(numbers: Sequence[float], form: str) -> str:
    """The median, and the range."""
    return f"{statistics.median(numbers):{form}} ({min(numbers):{form}} to {max(numbers):{form}})"


def _make_pipeline(given: argparse.Namespace, *, enable_lora: bool) -> TextGenerationPipeline:
    config = PipelineConfig.from_flat_kwargs(
        model_path=given.model,
        quantization_encoding=given.encoding,
        weight_path=[given.weights] if given.weights else [],
        device_specs="cpu",
        max_batch_size=given.streams,
        max_length=given.prompt + given.answer + 1,
        enable_prefix_caching=False,
        enable_lora=enable_lora,
        max_lora_rank=given.rank,
        max_num_loras=given.adapters,
    )
    PIPELINE_REGISTRY.resolve(config)
    return PipelineFactory(config)()


def _share_weights(pipeline: TextGenerationPipeline, other: TextGenerationPipeline) -> None:
    """Lets a pipeline that has not run yet read the weights of another one of the same model."""
    model, owner = pipeline.pipeline_model, other.pipeline_model
    assert isinstance(model, DecoderModel) and isinstance(owner, DecoderModel)
    for name in model.model.compiled.weights:
        model.model.weights[name].data = owner.model.weights[name]


def _add_adapters(pipeline: TextGenerationPipeline, count: int, rank: int) -> list[str]:
    """Adapters of random weights on all linear layers of the blocks; their digests."""
    assert pipeline.adapters is not None
    digests = [f"adapter {index}" for index in range(count)]
    for digest in digests:
        updates = {
            path: LayerUpdate(
                torch.randn(slots.inputs, rank).mul_(slots.inputs**-0.5).to(slots.a.dtype),
                torch.randn(rank, slots.outputs).mul_(0.01).to(slots.a.dtype),
                2.0,
            )
            for path, slots in pipeline.adapters.pool.layers.items()
            if path not in _NOT_OF_BLOCKS
        }
        pipeline.adapters.pool.add(FittedAdapter(digest, updates))
    return digests


def _run(
    pipeline: TextGenerationPipeline,
    adapters: Sequence[str | None],
    given: argparse.Namespace,
    answer: int,
) -> float:
    """Tokens of answers per second, from the first token of the last request on."""
    pool = None if pipeline.adapters is None else pipeline.adapters.pool
    assert pipeline.plan is not None
    limits = SchedulerConfig.of(pipeline.pipeline_config.runtime, pipeline.plan)
    scheduler = Scheduler(limits, pipeline.kv_manager, pool)
    random = np.random.default_rng(0)
    contexts = [
        TextContext(
            max_length=given.prompt + answer,
            tokens=TokenBuffer(random.integers(100, 1000, given.prompt)),
            eos_tracker=EOSTracker(ignore_eos=True),
            sampling_params=SamplingParams(temperature=0.0),
            adapter=adapters[index % len(adapters)],
        )
        for index in range(given.streams)
    ]
    for context in contexts:
        scheduler.add(context)
    started, tokens = 0.0, 0
    while (batch := scheduler.schedule()) is not None:
        if not started and all(ctx.tokens.generated_length for ctx in contexts):
            started = time.perf_counter()
        counts = bool(started) * len(batch.contexts)
        outputs = pipeline.execute(TextGenerationInputs(batches=[batch.contexts]))
        scheduler.finish_step(batch, outputs)
        tokens += counts
    return tokens / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
