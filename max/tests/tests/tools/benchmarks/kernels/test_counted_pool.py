"""Kernels share their work among many threads, and nothing depends on how they did."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch

from max.kernels import flash_attention_ragged, packed_linear, rms_norm
from max.kernels.layouts import Panels
from tools.benchmarks.kernels.counted_pool import Job, counted_pool
from tools.benchmarks.kernels.sharing import shared

THREADS = [8, 16, 32, 64]


class Linear(NamedTuple):
    """A product of some rows with a weight of 4096 x 512."""

    rows: int

    def run(self) -> torch.Tensor:
        torch.manual_seed(0)
        layout = Panels(4096, 512, "bfloat16")
        packed = torch.empty(layout.nbytes, dtype=torch.uint8)
        layout.place(torch.randn(4096, 512).bfloat16(), packed)
        x = torch.randn(self.rows, 512).bfloat16()
        result: list[torch.Tensor] = packed_linear(x, [packed], [None], [4096], ["bfloat16"])
        return result[0]


def attend(past: int, new: int) -> torch.Tensor:
    """Attention of one request: 32 query heads to 8 KV heads of 64."""
    torch.manual_seed(0)
    pages = -(-(past + new) // 128)
    kv_blocks = torch.randn(1 + pages, 2, 1, 128, 8, 64).bfloat16()
    numbers = [torch.tensor(x).to(torch.uint32) for x in ([0, new], [past])]
    table = torch.arange(1, 1 + pages).to(torch.uint32)[None]
    q = torch.randn(new, 32 * 64).bfloat16()
    result: torch.Tensor = flash_attention_ragged(
        q, numbers[0], kv_blocks, numbers[1], table, 0, 0.125, True, 0, 0, 0.0, None, None
    )
    return result


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("backwards", [False, True])
def test_bits_depend_on_neither_threads_nor_their_order(threads: int, backwards: bool) -> None:
    expected = [Linear(1).run(), Linear(48).run(), attend(300, 1), attend(100, 150)]
    with counted_pool(threads, backwards=backwards) as jobs:
        got = [Linear(1).run(), Linear(48).run(), attend(300, 1), attend(100, 150)]
    assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))
    assert len(jobs) > 4


@pytest.mark.parametrize("threads", THREADS)
def test_a_wide_layer_has_work_for_all(threads: int) -> None:
    with counted_pool(threads) as jobs:
        Linear(1).run()
    assert len(jobs[-1].chunks) >= threads


def test_what_is_small_wakes_nobody() -> None:
    with counted_pool(64) as jobs:
        rms_norm(torch.ones(1, 64), torch.ones(64), 1e-5, 0.0, False)
    assert jobs == []


def test_a_job_takes_as_long_as_its_busiest_thread() -> None:
    job = Job([1.0, 1.0, 1.0, 1.0, 1.0])
    assert [job.seconds(threads) for threads in (1, 2, 5, 9)] == [5, 3, 1, 1]
    assert Job([3.0, 1.0, 1.0, 1.0]).seconds(2) == 3


def test_idle_time_and_speed_up() -> None:
    # Two threads: 2 of 3 + 1 chunks' time is waited for, and half a second is nobody's job.
    jobs = [Job([1.0, 1.0, 1.0]), Job([1.0])]
    assert shared(jobs, 4.5, 2) == ["2", "1", "33%", "1.3x"]
