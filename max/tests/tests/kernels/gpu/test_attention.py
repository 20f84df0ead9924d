"""Rotation, the way into the cache and attention, in the interpreter, against their references."""

# build: size = "medium"

from __future__ import annotations

import pytest
import torch

from max.kernels.eight_bit_entries import encoded
from max.kernels.flash_attention_ragged.reference import flash_attention_ragged_reference
from max.kernels.flash_attention_ragged.triton_configs import CONFIGS, config_of, splits_of
from max.kernels.norm_rope_store_ragged.reference import norm_rope_store_ragged_reference
from max.kernels.rope_store_ragged.reference import rope_store_ragged_reference
from tests.kernels.gpu.interpreter import assert_alike_in_float8, interpreted
from tests.kernels.paged_batch import PagedBatch, make_paged_batch, spread_pages

BATCHES = [
    pytest.param([0, 5, 4], [6, 1, 3], id="mixed"),
    pytest.param([9, 0], [1, 1], id="decoding"),
    pytest.param([3, 0, 2], [0, 9, 1], id="one without rows"),
    pytest.param([], [], id="empty"),
]
TOLERANCE = {torch.float32: 1e-5, torch.float16: 2e-3}


def attend(
    batch: PagedBatch,
    q: torch.Tensor,
    causal: bool = True,
    window: int = 0,
    chunk: int = 0,
    softcap: float = 0.0,
    sinks: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """What the kernel gives, and what the reference."""
    cache = (batch.input_row_offsets, batch.kv_blocks, batch.cache_lengths, batch.lookup_table)
    arguments = (q, *cache, 1, 0.3, causal, window, chunk, softcap, sinks, bias)
    got = interpreted("flash_attention_ragged")(*arguments)
    return got, flash_attention_ragged_reference(*arguments)


def assert_alike(both: tuple[torch.Tensor, torch.Tensor]) -> None:
    got, want = both
    tolerance = TOLERANCE[want.dtype]
    torch.testing.assert_close(got, want, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("past", "new"), BATCHES)
@pytest.mark.parametrize("group", [1, 3])
def test_attention(dtype: torch.dtype, past: list[int], new: list[int], group: int) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch(past, new, dtype=dtype)
    assert_alike(attend(batch, torch.randn(batch.rows, group * 16).to(dtype)))


@pytest.mark.parametrize(("past", "new"), BATCHES[:3])
def test_heads_that_fill_a_block_alone(past: list[int], new: list[int]) -> None:
    """Each row has a block of its own: 64 heads share a KV head."""
    torch.manual_seed(0)
    batch = make_paged_batch(past, new, kv_heads=1)
    assert_alike(attend(batch, torch.randn(batch.rows, 64 * 8)))


@pytest.mark.parametrize(
    ("causal", "window", "chunk", "softcap", "has_sinks"),
    [
        (False, 0, 0, 0.0, False),
        (True, 3, 0, 0.0, True),
        (True, 0, 4, 0.7, False),
        (False, 0, 4, 0.0, True),
    ],
)
def test_masks_caps_and_sinks(
    causal: bool, window: int, chunk: int, softcap: float, has_sinks: bool
) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch([0, 5, 4], [6, 1, 3])
    sinks = torch.randn(4) if has_sinks else None
    assert_alike(
        attend(batch, torch.randn(batch.rows, 4 * 8), causal, window, chunk, softcap, sinks)
    )


@pytest.mark.parametrize(("causal", "softcap"), [(False, 0.0), (True, 0.7)])
def test_biases_of_distances(causal: bool, softcap: float) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch([0, 5, 4], [6, 1, 3])
    bias = torch.randn(4, 2 * 3 + 1)
    assert_alike(attend(batch, torch.randn(batch.rows, 4 * 8), causal, softcap=softcap, bias=bias))


@pytest.mark.parametrize("past", [[140, 0], [250, 129]])
@pytest.mark.parametrize("has_sinks", [False, True])
def test_decoding_with_the_keys_in_parts(past: list[int], has_sinks: bool) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch(past, [1, 1], page_size=128, kv_heads=1, head_dim=20)
    if batch.lookup_table.shape[1] < 4:  # a table of a request that might hold 512 tokens
        batch.lookup_table = torch.nn.functional.pad(batch.lookup_table.int(), (0, 2)).to(
            torch.uint32
        )
    assert splits_of(torch.device("cpu"), 2, batch.lookup_table.shape[1] * 128) > 1
    sinks = torch.randn(3) if has_sinks else None
    assert_alike(attend(batch, torch.randn(2, 3 * 20), sinks=sinks))


def test_pages_may_have_something_between_them() -> None:
    torch.manual_seed(0)
    batch = make_paged_batch([3], [2])
    batch.kv_blocks = spread_pages(batch.kv_blocks)
    assert_alike(attend(batch, torch.randn(2, 16)))


def test_larger_heads_have_smaller_blocks() -> None:
    usual, large = (config_of("sm_90", 4, size, False) for size in (256, 1024))
    assert usual is not None and large is not None
    assert usual.blocks == CONFIGS["prefill"]["sm_90"].blocks
    assert large.blocks == {"BLOCK_M": 32, "BLOCK_N": 16}
    assert config_of("sm_90", 200, 256, True) is None


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("past", "new"), BATCHES[:3])
@pytest.mark.parametrize(
    ("rope_dim", "interleaved"), [(8, False), (8, True), (4, False), (0, False)]
)
def test_rope_and_store(
    dtype: torch.dtype, past: list[int], new: list[int], rope_dim: int, interleaved: bool
) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch(past, new, dtype=dtype)
    stacked = torch.randn(batch.rows, 6 * 8 + 4 * 8).to(dtype)
    q, k, v = stacked.split([6 * 8, 2 * 8, 2 * 8], 1)
    table = torch.randn(20, rope_dim // 2, 2) if rope_dim else None
    wanted, given = batch.kv_blocks.clone(), batch.kv_blocks.clone()
    rest = (batch.cache_lengths, batch.lookup_table, 1, interleaved)
    want = rope_store_ragged_reference(q, k, v, batch.input_row_offsets, table, wanted, *rest)
    got = interpreted("rope_store_ragged")(q, k, v, batch.input_row_offsets, table, given, *rest)
    for mine, its in ((got, want), (given, wanted)):
        torch.testing.assert_close(mine, its, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def in_float8(batch: PagedBatch) -> torch.Tensor:
    """The batch's cache with a factor for each vector."""
    return encoded(batch.kv_blocks, torch.float8_e4m3fn).view(torch.float8_e4m3fn)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("past", "new"), BATCHES)
def test_attention_to_a_cache_of_8_bits(
    dtype: torch.dtype, past: list[int], new: list[int]
) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch(past, new)
    batch.kv_blocks = in_float8(batch)
    assert_alike(attend(batch, torch.randn(batch.rows, 48).to(dtype), softcap=0.7))


@pytest.mark.parametrize(("past", "new"), BATCHES[:3])
def test_the_way_into_a_cache_of_8_bits(past: list[int], new: list[int]) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch(past, new)
    q, k, v = torch.randn(batch.rows, 10 * 8).split([6 * 8, 2 * 8, 2 * 8], 1)
    k[:1] = 0.0  # A vector of zeros has the factor 1.
    blocks = in_float8(batch)
    wanted, given = blocks.clone(), blocks.clone()
    table = torch.randn(20, 4, 2)
    rest = (batch.cache_lengths, batch.lookup_table, 1, False)
    want = rope_store_ragged_reference(q, k, v, batch.input_row_offsets, table, wanted, *rest)
    got = interpreted("rope_store_ragged")(q, k, v, batch.input_row_offsets, table, given, *rest)
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)
    assert_alike_in_float8(given, wanted)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("multiply_before_cast", [False, True])
@pytest.mark.parametrize("rope_dim", [8, 4, 0])
def test_norms_of_heads_on_the_way(
    dtype: torch.dtype, multiply_before_cast: bool, rope_dim: int
) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch([0, 5, 4], [6, 1, 3], dtype=dtype)
    q, k, v = torch.randn(batch.rows, 10 * 8).to(dtype).split([6 * 8, 2 * 8, 2 * 8], 1)
    weights = torch.randn(2, 8).to(dtype)
    table = torch.randn(20, rope_dim // 2, 2) if rope_dim else None
    wanted, given = batch.kv_blocks.clone(), batch.kv_blocks.clone()
    norms = (weights[0], weights[1], 1e-5, 1.0, multiply_before_cast)
    rest = (batch.cache_lengths, batch.lookup_table, 1, rope_dim == 4)
    before = (q, k, v, *norms, batch.input_row_offsets, table)
    want = norm_rope_store_ragged_reference(*before, wanted, *rest)
    got = interpreted("norm_rope_store_ragged")(*before, given, *rest)
    for mine, its in ((got, want), (given, wanted)):
        # float16: one rounding more or less of numbers near 10.
        torch.testing.assert_close(mine, its, rtol=TOLERANCE[dtype], atol=4 * TOLERANCE[dtype])
