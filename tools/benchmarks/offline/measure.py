"""The measurements of one model."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import psutil

from tools.benchmarks.offline.bounds import arithmetic_of, flops_per_token, weight_bytes_per_step
from tools.benchmarks.offline.memory import forget_peak, peak_bytes
from tools.benchmarks.offline.steps import Step, decode_seconds, first_token_seconds, run_requests

if TYPE_CHECKING:
    import torch

    from max.pipelines.config import PipelineConfig
    from max.pipelines.lib import TextGenerationPipeline

_REPETITIONS = 3
_PROFILED_STEPS = 16
_PEAKS = 10
_MEMORY_FACTOR = 1.2
_PROBED_BYTES = 256 * 2**20
_STEPS_PER_READING = 8


@dataclass(frozen=True)
class Sizes:
    """What is measured; an empty list leaves a measurement out.

    Attributes:
        prefill: lengths of prompts whose rate is measured, in tokens.
        first_token: lengths of prompts whose time to first token is.
        contexts: lengths of prompts after which a single stream decodes.
        streams: numbers of streams that decode together.
        streams_context: tokens of each stream's prompt.
        steps: tokens of each answer.
    """

    prefill: Sequence[int] = (512,)
    first_token: Sequence[int] = (128,)
    contexts: Sequence[int] = (128, 2048)
    streams: Sequence[int] = (8, 16)
    streams_context: int = 128
    steps: int = 49

    @property
    def longest(self) -> int:
        """Tokens of the longest request."""
        prompts = (*self.prefill, *self.first_token, *self.contexts, self.streams_context)
        return max(prompts) + self.steps

    @property
    def most_streams(self) -> int:
        """Requests that run at once, at most."""
        return max(self.streams, default=1)


@dataclass
class Measurements:
    """What `tools.benchmarks.measure_model` prints, as JSON.

    Attributes:
        encoding: of the weights.
        metrics: numbers by name. `prefill_N`, `decode_N`, `streams_N` are tokens per second: of a
            prompt of N tokens, after one of N tokens, of N streams; `..._bound` is what the machine
            allowed at that moment. `ttft_N` and `step_N` are milliseconds, `..._seconds` seconds,
            `..._gb` 10^9 bytes.
        profile: kernels of decoding steps after the shortest context, the slowest first, and what
            they took and moved per step.
    """

    encoding: str
    metrics: dict[str, float] = field(default_factory=dict)
    profile: list[dict[str, Any]] = field(default_factory=list)


def measure(config: PipelineConfig, sizes: Sizes, token_flops: float | None = None) -> Measurements:
    """Loads the model and measures it.

    Args:
        config: of the model.
        sizes: what is measured.
        token_flops: operations of the matrices per token of a prompt, the head's left out; by
            default those of a Llama-like model of that configuration.

    Raises:
        ValueError: if the model cannot be found or does not fit, or there is no C++ compiler.
    """
    from max.pipelines.lib import PIPELINE_REGISTRY
    from max.pipelines.lib.garbage_collection import no_collection_while_loading

    started = time.perf_counter()
    with no_collection_while_loading():
        _, pipeline = PIPELINE_REGISTRY.retrieve(config)
    result = Measurements(str(config.model.quantization_encoding))
    result.metrics["load_seconds"] = time.perf_counter() - started
    _Bench(pipeline, sizes, result, token_flops).run()
    return result


class _Bench:
    def __init__(
        self,
        pipeline: TextGenerationPipeline,
        sizes: Sizes,
        result: Measurements,
        token_flops: float | None,
    ) -> None:
        self._pipeline = pipeline
        self._sizes = sizes
        self._result = result
        self._metrics = result.metrics
        self._config = pipeline.pipeline_config.model.huggingface_config
        self._token_flops = token_flops
        self._random = random.Random(0)
        self._most_pages = 0

    def run(self) -> None:
        self._answer(1, 16, new_tokens=1)
        self._metrics["start_seconds"] = time.time() - psutil.Process().create_time()
        loading_peak = peak_bytes()
        self._memory = _Memory()
        forget_peak()
        step_bytes = self._profile()
        self._prefill()
        for context in self._sizes.contexts:
            self._decode(context, step_bytes)
        for streams in self._sizes.streams:
            steps = self._answer(streams, self._sizes.streams_context, self._sizes.steps)
            seconds = decode_seconds(steps, streams)
            self._metrics[f"streams_{streams}"] = streams / seconds
            self._metrics[f"streams_{streams}_step"] = seconds * 1000
        self._peak(loading_peak)

    def _profile(self) -> float:
        """Notes where a decoding step's time goes; returns the bytes of weights that it reads."""
        profiler = self._pipeline.pipeline_model.session.profiler
        context = min([*self._sizes.contexts, self._sizes.streams_context])
        self._answer(1, context, new_tokens=_PROFILED_STEPS)  # records the programs
        seconds: list[float] = []

        def note(step: Step) -> None:
            if step.input_tokens > 1:
                profiler.take()
                return
            seconds.append(step.seconds)
            self._memory.after_step()

        profiler.start()
        self._answer(1, context, _PROFILED_STEPS, note)
        ops = profiler.take()
        profiler.stop()
        steps = len(seconds)
        self._metrics["profile_bandwidth"] = self._memory.take_rate() / 1e9
        self._metrics["profile_step"] = statistics.mean(seconds) * 1000
        for op in ops:
            per_step = {
                "calls": op.calls // steps,
                "seconds": op.seconds / steps,
                "nbytes": op.nbytes / steps,
            }
            self._result.profile.append(asdict(op) | per_step)
        step_bytes = weight_bytes_per_step(ops, steps)
        self._metrics["step_gb"] = step_bytes / 1e9
        return step_bytes

    def _prefill(self) -> None:
        for length in self._sizes.first_token:
            self._metrics[f"ttft_{length}"] = self._first_token(length) * 1000
        dtype = arithmetic_of(self._result.encoding)
        if self._sizes.prefill:
            token_flops = self._token_flops or flops_per_token(self._config)
        for length in self._sizes.prefill:
            before = _best_peak(dtype)
            self._metrics[f"prefill_{length}"] = length / self._first_token(length)
            peak = (before + _best_peak(dtype)) / 2
            self._metrics[f"prefill_{length}_bound"] = peak / token_flops

    def _first_token(self, length: int) -> float:
        return statistics.median(
            first_token_seconds(self._answer(1, length, new_tokens=1)) for _ in range(_REPETITIONS)
        )

    def _decode(self, context: int, step_bytes: float) -> None:
        def note(step: Step) -> None:
            if step.output_tokens:
                self._memory.after_step()

        seconds = decode_seconds(self._answer(1, context, self._sizes.steps, note), 1)
        self._metrics[f"decode_{context}"] = 1 / seconds
        rate = self._memory.take_rate()
        self._metrics[f"decode_{context}_bound"] = rate / step_bytes
        cached = (context + self._sizes.steps / 2) * self._bytes_per_token
        self._metrics[f"decode_{context}_cache_bound"] = rate / (step_bytes + cached)
        self._metrics[f"step_{context}"] = seconds * 1000

    @property
    def _bytes_per_token(self) -> float:
        """Of the cache, where all layers keep all tokens."""
        plan = self._pipeline.plan
        assert plan is not None, "the registry's pipelines have a plan"
        return plan.bytes_per_page / plan.page_size

    def _peak(self, loading_peak: int) -> None:
        plan = self._pipeline.plan
        assert plan is not None, "the registry's pipelines have a plan"
        cache = self._most_pages * plan.bytes_per_page
        peak = max(loading_peak, peak_bytes() - _PROBED_BYTES)
        self._metrics["peak_gb"] = peak / 1e9
        self._metrics["weights_gb"] = plan.weights_bytes / 1e9
        self._metrics["peak_gb_bound"] = (_MEMORY_FACTOR * plan.weights_bytes + cache) / 1e9

    def _answer(
        self,
        streams: int,
        context: int,
        new_tokens: int,
        after_step: Callable[[Step], object] = lambda step: None,
    ) -> list[Step]:
        """Answers random prompts, none of which begins like another."""
        size = self._config.vocab_size
        prompts = [[self._random.randrange(size) for _ in range(context)] for _ in range(streams)]
        manager = self._pipeline.kv_manager

        def note(step: Step) -> None:
            used = manager.total_num_pages - manager.num_free_pages
            self._most_pages = max(self._most_pages, used)
            after_step(step)

        return run_requests(self._pipeline, prompts, new_tokens, note)


class _Memory:
    """Reads memory between the steps that memory bounds: its rate may change within seconds.

    Not after each of them, since it empties the caches, which small models live in.
    """

    def __init__(self) -> None:
        # Not before the model is loaded: importing torch is a part of its start.
        import torch

        from max.kernels.memory import empty_in_huge_pages
        from max.kernels.read_bandwidth import read_rate

        self._data = empty_in_huge_pages([_PROBED_BYTES], torch.uint8).fill_(1)
        self._read_rate = read_rate
        self._seconds: list[float] = []
        self._steps = 0

    def after_step(self) -> None:
        if self._steps % _STEPS_PER_READING == 0:
            self._seconds.append(_PROBED_BYTES / _measured(self._read_rate(self._data)))
        self._steps += 1

    def take_rate(self) -> float:
        """Of the readings since the last call, bytes per second."""
        rate = _PROBED_BYTES / statistics.median(self._seconds)
        self._seconds.clear()
        self._steps = 0
        return rate


def _best_peak(dtype: torch.dtype) -> float:
    """The best of several: each takes milliseconds, which anything else here can spoil."""
    from max.kernels.peak_arithmetic import peak_arithmetic

    return max(_measured(peak_arithmetic(dtype)) for _ in range(_PEAKS))


def _measured(rate: float | None) -> float:
    if rate is None:
        raise ValueError("there is no C++ compiler: without native kernels nothing is measured")
    return rate
