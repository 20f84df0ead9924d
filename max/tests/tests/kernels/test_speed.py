"""Prints how long each implementation of our ops takes; what they compute is compared, not timed.

./bazelw test --config=bench //max/tests/tests/kernels:test_speed_bench
python3 -m pytest -m bench -s max/tests/tests/kernels/test_speed.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytest
import torch

from max.kernels import rms_norm
from max.kernels.rms_norm.reference import rms_norm_reference
from tests.kernels import test_flash_attention_ragged as attention
from tests.kernels import test_rope_store_ragged as rope
from tests.kernels.paged_batch import make_paged_batch

pytestmark = pytest.mark.bench

DTYPES = (torch.float32, torch.bfloat16)
# Tokens in the cache and new tokens of each request, query heads, KV heads, elements of a head.
BATCHES = [
    ([128], [1], 6, 2, 32),
    ([128], [1], 32, 8, 64),
    ([2048], [1], 32, 8, 64),
    ([128] * 8, [1] * 8, 32, 8, 64),
    ([0], [512], 32, 8, 64),
]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def report(what: str, dtype: torch.dtype, **runs: Callable[[], torch.Tensor]) -> None:
    """Prints the median of 7 measurements of each run, in microseconds per call."""
    results = [run() for run in runs.values()]
    for result in results[1:]:
        torch.testing.assert_close(result, results[0], rtol=2**-6, atol=2**-6)
    times = {name: median_microseconds(run) for name, run in runs.items()}
    shown = "  ".join(f"{name} {time:9.1f}" for name, time in times.items())
    print(f"{what:34} {str(dtype).removeprefix('torch.'):9} {shown}")


def median_microseconds(run: Callable[[], torch.Tensor]) -> float:
    start = time.perf_counter()
    run()
    calls = max(1, round(0.005 / (time.perf_counter() - start)))
    measured = []
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(calls):
            run()
        measured.append((time.perf_counter() - start) / calls * 1e6)
    return statistics.median(measured)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 192), (1, 2048), (512, 2048)])
def test_rms_norm(shape: tuple[int, int], dtype: torch.dtype) -> None:
    x, weight = torch.randn(shape).to(dtype), torch.randn(shape[1]).to(dtype)
    report(
        f"rms_norm {shape}",
        dtype,
        reference=lambda: rms_norm_reference(x, weight, 1e-5, 0.0, False),
        torch=lambda: torch.nn.functional.rms_norm(x, shape[1:], weight, 1e-5),
        cpu=lambda: rms_norm(x, weight, 1e-5, 0.0, False),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("past", "new", "heads", "kv_heads", "head_dim"), BATCHES)
def test_attention_and_rope(
    past: list[int], new: list[int], heads: int, kv_heads: int, head_dim: int, dtype: torch.dtype
) -> None:
    batch = make_paged_batch(
        past, new, page_size=128, kv_heads=kv_heads, head_dim=head_dim, dtype=dtype
    )
    q = torch.randn(batch.rows, heads * head_dim).to(dtype)
    k, v = torch.randn(2, batch.rows, kv_heads * head_dim).to(dtype)
    freqs = rope.make_freqs(4096, head_dim)
    what = f"{len(past)} x {past[0]} + {new[0]}, {heads}/{kv_heads} heads of {head_dim}"
    report(
        f"attention {what}",
        dtype,
        reference=lambda: attention.run(batch, q, implementation="reference"),
        cpu=lambda: attention.run(batch, q),
    )
    report(
        f"rope {what}",
        dtype,
        reference=lambda: rope.run(batch, q, k, v, freqs, False, "reference"),
        cpu=lambda: rope.run(batch, q, k, v, freqs, False),
    )
