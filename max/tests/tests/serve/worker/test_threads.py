"""Tests of `max.serve.worker.threads`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from max.kernels.thread_pool import num_threads, set_num_threads
from max.pipelines.config import PipelineRuntimeConfig
from max.pipelines.kv_cache import MemoryPlan
from max.serve.worker.threads import size_threads


@pytest.fixture(autouse=True)
def several_threads() -> Iterator[None]:
    set_num_threads(3)
    yield
    set_num_threads(None)


def make_plan(weights_bytes: int) -> MemoryPlan:
    return MemoryPlan(
        device="cpu",
        available_bytes=0,
        device_memory_utilization=1,
        weights_bytes=weights_bytes,
        activation_bytes=0,
        bytes_per_page=0,
        page_size=16,
        pages_of_request=4,
        total_num_pages=16,
        max_length=64,
        max_batch_size=4,
    )


@pytest.mark.parametrize(
    ("weights_bytes", "told", "threads"),
    [(9 << 20, None, 1), (9 << 20, 3, 3), (100 << 20, None, 3), (0, None, 3)],
)
def test_a_tiny_model_has_one_thread_unless_told(
    weights_bytes: int, told: int | None, threads: int
) -> None:
    size_threads(PipelineRuntimeConfig(num_threads=told), make_plan(weights_bytes))
    assert num_threads() == threads
