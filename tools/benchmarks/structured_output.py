"""What a form costs: tokens per second of free and constrained requests, and the time of a mask.

    python3 -m tools.benchmarks.structured_output --model DIR --encoding bfloat16

Masks of the model's vocabulary are timed along JSON text, with each library that is installed. Then
rounds of free requests and of requests that follow a JSON schema take turns in one process.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from max.pipelines.context import Constraint, EOSTracker, SamplingParams, TextContext, TokenBuffer
from max.pipelines.lib import PIPELINE_REGISTRY, PipelineConfig, TextGenerationPipeline
from max.pipelines.lib.registry import PipelineFactory
from max.pipelines.lib.tokenizer.grammar_tokenizer import load_grammar_tokenizer
from max.pipelines.modeling.types import TextGenerationInputs
from max.pipelines.sampling.grammars.compiled import Grammars
from max.pipelines.sampling.grammars.masks import mask_logits
from max.pipelines.sampling.grammars.texts import json_grammar
from max.pipelines.scheduling import Scheduler, SchedulerConfig

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"enum": ["new", "old", "friend"]}},
        "home": {
            "type": "object",
            "properties": {"street": {"type": "string"}, "number": {"type": "integer"}},
            "required": ["street", "number"],
            "additionalProperties": False,
        },
    },
    "required": ["name", "age", "tags", "home"],
    "additionalProperties": False,
}
# No answer of the measurement is long enough to end.
SCHEMA = {"type": "array", "items": PERSON, "minItems": 100}
VALUES = [
    {
        "name": f"Anna {number}",
        "age": 20 + number,
        "tags": ["new", "friend"],
        "home": {"street": "Long Way", "number": number},
    }
    for number in range(20)
]


def main() -> None:
    """Runs both measurements and prints a table of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--encoding", default="bfloat16")
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--prompt", type=int, default=16, help="tokens of a prompt")
    parser.add_argument("--answer", type=int, default=32, help="tokens of an answer")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    config = PipelineConfig.from_flat_kwargs(
        model_path=given.model,
        quantization_encoding=given.encoding,
        device_specs="cpu",
        max_batch_size=given.streams,
        max_length=given.prompt + given.answer + 1,
        enable_prefix_caching=False,
    )
    PIPELINE_REGISTRY.resolve(config)
    _time_masks(config, given.streams)
    _compare_rates(PipelineFactory(config)(), given)


def _compare_rates(pipeline: TextGenerationPipeline, given: argparse.Namespace) -> None:
    grammars = {"free": None, "JSON schema": json_grammar(SCHEMA)}
    rates: dict[str, list[float]] = {kind: [] for kind in grammars}
    for round_ in range(given.rounds + 1):
        for kind, grammar in grammars.items():
            rate = _run(pipeline, grammar, given)
            if round_:  # The first one records programs and compiles the grammar.
                rates[kind].append(rate)
    pairs = zip(rates["JSON schema"], rates["free"], strict=True)
    share = statistics.median(constrained / free for constrained, free in pairs)
    print(f"\n{given.streams} streams, {100 * share:.1f} % of the free ones' rate\n")
    print("| requests | tokens/s |\n| --- | ---: |")
    for kind, found in rates.items():
        spread = f"{min(found):.1f} to {max(found):.1f}"
        print(f"| {kind} | {statistics.median(found):.1f} ({spread}) |")


def _run(pipeline: TextGenerationPipeline, grammar: str | None, given: argparse.Namespace) -> float:
    """Tokens of answers per second, from the first token of the last request on."""
    assert pipeline.plan is not None
    limits = SchedulerConfig.of(pipeline.pipeline_config.runtime, pipeline.plan)
    scheduler = Scheduler(limits, pipeline.kv_manager)
    random = np.random.default_rng(0)
    contexts = [
        TextContext(
            max_length=given.prompt + given.answer,
            tokens=TokenBuffer(random.integers(100, 1000, given.prompt)),
            eos_tracker=EOSTracker(ignore_eos=True),
            sampling_params=SamplingParams(temperature=0.0),
            constraint=None if grammar is None else Constraint(grammar=grammar),
        )
        for _ in range(given.streams)
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


def _time_masks(config: PipelineConfig, streams: int) -> None:
    tokenizer = load_grammar_tokenizer(config)
    tokens = np.array(tokenizer.tokenize_str(json.dumps(VALUES)), np.int64)
    width = tokenizer.vocab_size
    print(f"{tokens.size} masks of {width} tokens, each for one row\n")
    print("| µs | mean | median | 99 % |\n| --- | ---: | ---: | ---: |")
    row = torch.randn(1, width)
    backends = [name for name in ("llguidance", "xgrammar") if find_spec(name)]
    for backend in backends:
        grammars = Grammars(partial(load_grammar_tokenizer, config), backend)
        for bits in _masks(grammars, tokens):
            mask_logits(row, {0: bits})
        follower = grammars.follow(_context())
        found = [
            _timed(partial(follower.allowed, tokens[:length], [])) for length in range(tokens.size)
        ]
        _print_times(f"finding it, {backend}", found)
    for count in (1, streams):
        logits = torch.randn(count, width)
        found = [
            _timed(partial(mask_logits, logits, dict.fromkeys(range(count), bits))) / count
            for bits in _masks(grammars, tokens)
        ]
        _print_times(f"putting it onto logits, {count} at once", found)


def _masks(grammars: Grammars, tokens: np.ndarray) -> Iterator[np.ndarray]:
    follower = grammars.follow(_context())
    for length in range(tokens.size):
        bits = follower.allowed(tokens[:length], [])
        assert bits is not None
        yield bits


def _context() -> TextContext:
    constraint = Constraint(grammar=json_grammar(SCHEMA))
    return TextContext(max_length=9, tokens=TokenBuffer([1]), constraint=constraint)


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return 1e6 * (time.perf_counter() - started)


def _print_times(kind: str, times: list[float]) -> None:
    times = sorted(times)
    last = times[int(0.99 * len(times))]
    print(
        f"| {kind} | {statistics.mean(times):.1f} | {statistics.median(times):.1f} | {last:.1f} |"
    )


if __name__ == "__main__":
    main()
