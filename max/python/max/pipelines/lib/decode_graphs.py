"""Decoding steps that are captured: one graph for each of some numbers of requests.

A step of requests with one token each is padded to the next number; the padding requests have no
past, and their pages are the null page. Prompts, whose sizes are many, run node by node.
"""

from __future__ import annotations

import logging
import time
from bisect import bisect_left
from collections.abc import Sequence

import torch

from max.driver import Buffer
from max.engine import Model
from max.engine.activation_memory import peak_activation_bytes
from max.pipelines.config import PipelineConfig
from max.pipelines.kv_cache.storage import page_views
from max.pipelines.lib.activation_memory import fresh_requests, inputs_of_fresh
from max.pipelines.lib.interfaces import PipelineModelWithKVCache, RaggedBatchProcessor

logger = logging.getLogger("max.pipelines")


def batch_sizes(most: int) -> list[int]:
    """The numbers of requests that are captured: few where a request more costs much, up to `most`.

    As vLLM has them: 1, 2, 4, steps of 8 up to 256, then of 16.
    """
    sizes = [1, 2, 4, *range(8, 256, 8), *range(256, most, 16)]
    return [size for size in sizes if size < most] + [most]


def captures_decoding(model: PipelineModelWithKVCache, config: PipelineConfig) -> bool:
    """Whether decoding is to be captured.

    Raises:
        ValueError: if that was asked for, and cannot be had.
    """
    asked = config.runtime.device_graph_capture
    graph = getattr(model, "model", None)
    can = isinstance(graph, Model) and graph.captures is not None
    can = can and isinstance(model.batch_processor, RaggedBatchProcessor)
    if asked and not can:
        raise ValueError(
            f"--device-graph-capture was given, but {type(model).__name__} on {model.devices[0]} "
            "cannot be captured: that needs a GPU, and a graph that decides nothing on the host "
            "(no control flow, no printing, no --enable-echo). Leave the flag out"
        )
    return can and asked is not False


def decoding_bytes(model: PipelineModelWithKVCache, most: int) -> int:
    """Bytes of the memory that the captured graphs share: what the largest of them needs."""
    pages = torch.empty(1, model.kv_params.bytes_per_block, dtype=torch.uint8, device="meta")
    views = [Buffer(view) for view in page_views(pages, model.kv_params.layout)]
    return peak_activation_bytes(_graph(model), _inputs(model, views, most))


def capture_decoding(model: PipelineModelWithKVCache, views: list[Buffer], most: int) -> None:
    """Captures decoding, the largest batch first, and tells how far it is.

    Args:
        model: whose graph it is.
        views: the tables' views of the pages; requests own none of them yet.
        most: requests of a step.
    """
    captures = _graph(model).captures
    assert captures is not None  # of `captures_decoding`
    sizes, started = batch_sizes(most), time.monotonic()
    with torch.inference_mode():
        for done, size in enumerate(reversed(sizes), 1):
            captures.capture(size, _inputs(model, views, size))
            logger.info("captured decoding of %d requests (%d of %d)", size, done, len(sizes))

    def size_for(inputs: Sequence[torch.Tensor]) -> int | None:
        tokens, row_offsets = inputs[:2]
        requests = len(row_offsets) - 1
        if len(tokens) != requests or not 0 < requests <= most:
            return None
        return sizes[bisect_left(sizes, requests)]

    captures.choose_by(size_for)
    logger.info("captured decoding in %.1f s", time.monotonic() - started)


def _inputs(
    model: PipelineModelWithKVCache, views: list[Buffer], requests: int
) -> list[torch.Tensor]:
    inputs = inputs_of_fresh(model, fresh_requests([1] * requests), views)
    return [buffer.tensor for buffer in inputs.all_buffers]


def _graph(model: PipelineModelWithKVCache) -> Model:
    graph: Model = model.model  # type: ignore[attr-defined]
    return graph
