"""How many pages fit, and what is said when they do not."""

from __future__ import annotations

import pytest

from max.driver import CPU
from max.dtype import DType
from max.graph import DeviceRef
from max.nn.kv_cache import KVCacheParams
from max.pipelines.kv_cache import InsufficientMemoryError, MemoryPlan, PagedMemoryPlanner
from max.pipelines.kv_cache.memory_planner import DEFAULT_MAX_BATCH_SIZE, format_bytes

# A page: 2 (keys and values) x 4 layers x 16 tokens x 2 heads x 64 wide x 4 bytes = 64 KiB.
PAGE_BYTES = 64 * 1024


def make_plan(
    *,
    available_pages: float = 100,
    utilization: float = 1.0,
    max_length: int = 64,
    max_batch_size: int | None = 1000,
    max_batch_input_tokens: int | None = None,
    weights_bytes: int = 0,
    activation_bytes: int = 0,
) -> MemoryPlan:
    params = KVCacheParams(
        dtype=DType.float32,
        n_kv_heads=2,
        head_dim=64,
        num_layers=4,
        devices=[DeviceRef.CPU()],
        page_size=16,
    )
    return PagedMemoryPlanner(utilization).plan(
        params,
        CPU(),
        max_length=max_length,
        max_batch_size=max_batch_size,
        max_batch_input_tokens=max_batch_input_tokens,
        weights_bytes=weights_bytes,
        activation_bytes=activation_bytes,
        available_bytes=int(available_pages * PAGE_BYTES),
    )


def test_all_usable_memory_becomes_pages() -> None:
    plan = make_plan(available_pages=100.9)
    assert plan.bytes_per_page == PAGE_BYTES
    assert plan.total_num_pages == 99  # And the null page.
    assert plan.max_cached_tokens == 99 * 16
    assert plan.kv_bytes == 100 * PAGE_BYTES


def test_utilization_weights_and_activations_come_off() -> None:
    plan = make_plan(
        utilization=0.5, weights_bytes=10 * PAGE_BYTES, activation_bytes=5 * PAGE_BYTES
    )
    assert plan.total_num_pages == 50 - 10 - 5 - 1


def test_no_more_pages_than_all_requests_can_fill() -> None:
    assert make_plan(max_length=33, max_batch_size=7).total_num_pages == 3 * 7


def test_the_batch_size_has_a_default() -> None:
    plan = make_plan(available_pages=10**6, max_length=16, max_batch_size=None)
    assert plan.max_batch_size == plan.total_num_pages == DEFAULT_MAX_BATCH_SIZE


def test_the_batch_size_s_default_is_no_more_than_the_tokens_of_a_step() -> None:
    assert make_plan(max_batch_size=None, max_batch_input_tokens=5).max_batch_size == 5


def test_exactly_one_request_fits() -> None:
    assert make_plan(available_pages=5, max_length=64).total_num_pages == 4


def test_one_request_that_does_not_fit_is_refused_with_numbers_and_flags() -> None:
    with pytest.raises(InsufficientMemoryError) as error:
        make_plan(available_pages=6, max_length=65, weights_bytes=PAGE_BYTES)
    for part in (
        "--max-length 65 tokens does not fit",
        "5 pages of --kv-cache-page-size 16 tokens and an empty one = 384.0 KiB",
        "320.0 KiB is left on cpu:0",
        "weights 64.0 KiB",
        "--max-length 64 would fit",
        "--device-memory-utilization",
        "--max-batch-size (1000",
    ):
        assert part in str(error.value)


def test_a_memory_without_room_for_a_page_promises_no_length() -> None:
    with pytest.raises(InsufficientMemoryError, match="not even one page fits"):
        make_plan(available_pages=1.5)


def test_weights_that_do_not_fit_are_refused_with_numbers_and_flags() -> None:
    with pytest.raises(InsufficientMemoryError) as error:
        make_plan(
            available_pages=16,
            utilization=0.5,
            weights_bytes=16 * PAGE_BYTES,
            activation_bytes=PAGE_BYTES,
        )
    for part in (
        "weights 1.0 MiB + activations 64.0 KiB = 1.1 MiB",
        "only 512.0 KiB may be used on cpu:0 (1.0 MiB available",
        "--device-memory-utilization 0.5",
        "--max-batch-size (1000)",
        "--quantization-encoding",
    ):
        assert part in str(error.value)


def test_the_plan_prints_as_a_table() -> None:
    plan = make_plan(weights_bytes=10 * PAGE_BYTES, max_batch_size=8, activation_bytes=100)
    assert str(plan).splitlines() == [
        "memory plan",
        "  available       6.2 MiB  on cpu:0",
        "  usable          6.2 MiB  x 1",
        "  weights       640.0 KiB",
        "  activations       100 B  peak of a step",
        "  KV cache        2.1 MiB  32 pages of 16 tokens, 512 tokens in all",
        "  up to 8 requests at once of at most 64 tokens (8 of them that long)",
    ]


def test_the_plan_prints_the_tokens_of_a_step() -> None:
    plan = make_plan(activation_bytes=100, max_batch_input_tokens=256)
    assert "  activations       100 B  peak of a step of at most 256 tokens\n" in str(plan)


@pytest.mark.parametrize("utilization", [0.0, -0.5, 1.01])
def test_a_utilization_out_of_range_is_refused(utilization: float) -> None:
    with pytest.raises(ValueError, match=f"--device-memory-utilization .* got {utilization}"):
        PagedMemoryPlanner(utilization)


def test_lengths_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="--max-length must be at least 1, got 0"):
        make_plan(max_length=0)
    with pytest.raises(ValueError, match="--max-batch-size must be at least 1, got 0"):
        make_plan(max_batch_size=0)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (3 * 1024**3, "3.0 GiB"),
        (1024**4, "1.0 TiB"),
    ],
)
def test_format_bytes(size: int, text: str) -> None:
    assert format_bytes(size) == text
