"""Measures an exported model on OpenVINO GenAI, and prints JSON as `measure_model` does.

PYTHON_WITH_OPENVINO_GENAI run_openvino.py FOLDER ['{"DYNAMIC_QUANTIZATION_GROUP_SIZE": 128}']

It stands alone: only openvino-genai and NumPy need to be installed.
"""

from __future__ import annotations

import importlib
import json
import resource
import statistics
import sys
import time
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

_GROUP = 16  # steps, as in tools.benchmarks.offline.steps


class Answer(NamedTuple):
    """Seconds until the first token, of a step in which all decode, and in all."""

    first_token: float
    step: float
    total: float


class Engine:
    """The continuous batching pipeline, with random prompts."""

    def __init__(self, folder: str, properties: dict[str, Any]) -> None:
        self._genai = importlib.import_module("openvino_genai")
        self._tensor = importlib.import_module("openvino").Tensor
        scheduler = self._genai.SchedulerConfig()
        scheduler.cache_size = 2
        scheduler.max_num_batched_tokens = 4096
        scheduler.max_num_seqs = 32
        scheduler.enable_prefix_caching = False
        self._pipeline = self._genai.ContinuousBatchingPipeline(
            folder, scheduler, "CPU", properties
        )
        self._random = np.random.default_rng(0)

    def answer(self, streams: int, context: int, new_tokens: int) -> Answer:
        """Answers prompts that arrive at once, greedily."""
        config = self._genai.GenerationConfig()
        config.max_new_tokens = config.min_new_tokens = new_tokens
        config.ignore_eos, config.do_sample = True, False
        handles = [
            self._pipeline.add_request(
                i, self._tensor(self._random.integers(300, 30000, (1, context))), config
            )
            for i in range(streams)
        ]
        started = time.perf_counter()
        ended = []
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()
            tokens = 0
            for handle in handles:
                while handle.can_read():
                    tokens += len(next(iter(handle.read().values())).generated_ids)
            ended.append((time.perf_counter(), tokens))
        times = [at for at, tokens in ended if tokens]
        decoding = [later - at for (at, _), (later, tokens) in pairwise(ended) if tokens == streams]
        groups = [decoding[i : i + _GROUP] for i in range(0, len(decoding), _GROUP)]
        whole = [group for group in groups if len(group) == _GROUP] or groups
        step = statistics.median(map(statistics.mean, whole)) if whole and whole[0] else 0.0
        return Answer(times[0] - started, step, times[-1] - started)


def main(folder: str, properties: str = "{}") -> None:
    """Prints the numbers."""
    metrics = {}
    started = time.perf_counter()
    engine = Engine(folder, json.loads(properties))
    metrics["load_seconds"] = time.perf_counter() - started
    engine.answer(1, 64, 4)
    first = statistics.median(engine.answer(1, 512, 1).first_token for _ in range(3))
    metrics["prefill_512"] = 512 / first
    single = engine.answer(1, 128, 49)
    metrics["ttft_128"] = single.first_token * 1000
    metrics["decode_128"] = 1 / single.step
    metrics["decode_2048"] = 1 / engine.answer(1, 2048, 33).step
    metrics["streams_8"] = 8 / engine.answer(8, 128, 49).step
    burst = engine.answer(16, 128, 64)
    metrics["streams_16"] = 16 / burst.step
    metrics["burst_rate"] = 16 * 64 / burst.total
    metrics["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(json.dumps({"metrics": metrics}))


if __name__ == "__main__":
    main(*sys.argv[1:])
