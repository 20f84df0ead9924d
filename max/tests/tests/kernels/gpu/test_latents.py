"""Latents on their way into the cache, and attention to them, in the interpreter, against their
references."""

# build: size = "medium"

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from max.kernels.eight_bit_entries import factor_bytes
from max.kernels.flash_attention_ragged.reference import flash_attention_ragged_reference
from max.kernels.flash_attention_ragged.triton_configs import (
    LATENT_CONFIGS,
    latent_config_of,
    splits_of,
)
from max.kernels.latent_store_ragged.reference import latent_store_ragged_reference
from tests.kernels.gpu.interpreter import assert_alike_in_float8, interpreted
from tests.kernels.paged_batch import PagedBatch, make_paged_batch

RANK, TURNED = 20, 8
WIDTH = RANK + TURNED
BATCHES = [
    pytest.param([0, 5, 4], [6, 1, 3], id="mixed"),
    pytest.param([9, 0], [1, 1], id="decoding"),
    pytest.param([3, 0, 2], [0, 9, 1], id="one without rows"),
    pytest.param([], [], id="empty"),
]
TOLERANCE = {torch.float32: 1e-5, torch.float16: 2e-3}


def make_batch(
    past: list[int], new: list[int], dtype: torch.dtype, page_size: int = 4
) -> PagedBatch:
    """Of entries, each key and value at once."""
    batch = make_paged_batch(
        past, new, kv_heads=1, head_dim=WIDTH, dtype=dtype, page_size=page_size
    )
    batch.kv_blocks = batch.kv_blocks[:, :1].contiguous()
    return batch


@pytest.mark.parametrize("dtype", [*TOLERANCE, torch.float8_e4m3fn])
@pytest.mark.parametrize(("past", "new"), BATCHES[:3])
@pytest.mark.parametrize("interleaved", [False, True])
def test_storing(dtype: torch.dtype, past: list[int], new: list[int], interleaved: bool) -> None:
    torch.manual_seed(0)
    heads, computed = 6, torch.float32 if dtype.itemsize == 1 else dtype
    batch = make_batch(past, new, computed)
    blocks = batch.kv_blocks
    if dtype.itemsize == 1:
        shape = [*blocks.shape[:-1], WIDTH + factor_bytes(torch.float8_e4m3fn)]
        blocks = torch.zeros(shape, dtype=torch.uint8).view(dtype)
    given, wanted = blocks.clone(), blocks.clone()
    q = torch.randn(batch.rows, heads * 12).to(computed)
    absorbed = torch.randn(batch.rows, heads * RANK).to(computed)
    kv = torch.randn(batch.rows, WIDTH).to(computed)
    weight = torch.randn(RANK).to(computed)
    before = (q, absorbed, kv, weight, 1e-6, heads, batch.input_row_offsets)
    table = torch.randn(20, TURNED // 2, 2)
    after = (batch.cache_lengths, batch.lookup_table, 1, interleaved)
    want = latent_store_ragged_reference(*before, table, wanted, *after)
    got = interpreted("latent_store_ragged")(*before, table, given, *after)
    tolerance = TOLERANCE[computed]
    torch.testing.assert_close(got, want, rtol=tolerance, atol=tolerance)
    if dtype.itemsize == 1:
        assert_alike_in_float8(given, wanted)
    else:
        torch.testing.assert_close(given, wanted, rtol=tolerance, atol=tolerance)


def attend(
    batch: PagedBatch, heads: int, dtype: torch.dtype, *settings: object
) -> tuple[torch.Tensor, torch.Tensor]:
    q = torch.randn(batch.rows, heads * WIDTH).to(dtype)
    cache = (batch.input_row_offsets, batch.kv_blocks, batch.cache_lengths, batch.lookup_table)
    arguments = (q, *cache, 1, 0.3, *(settings or (True, 0, 0, 0.0, None)), None)
    got = interpreted("flash_attention_ragged")(*arguments)
    return got, flash_attention_ragged_reference(*arguments)  # type: ignore[arg-type]


def assert_alike(both: tuple[torch.Tensor, torch.Tensor]) -> None:
    tolerance = TOLERANCE[both[1].dtype]
    torch.testing.assert_close(*both, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("past", "new"), BATCHES)
@pytest.mark.parametrize("heads", [3, 33])
def test_attention(dtype: torch.dtype, past: list[int], new: list[int], heads: int) -> None:
    """3 heads leave room for rows in a block; of 33 one is alone in its."""
    torch.manual_seed(0)
    assert_alike(attend(make_batch(past, new, dtype), heads, dtype))


@pytest.mark.parametrize(
    "settings", [(True, 3, 0, 0.0), (True, 0, 4, 0.7), (False, 0, 0, 0.0)], ids=str
)
def test_masks_caps_and_sinks(settings: tuple[object, ...]) -> None:
    torch.manual_seed(0)
    batch = make_batch([0, 5, 4], [6, 1, 3], torch.float32)
    assert_alike(attend(batch, 3, torch.float32, *settings, torch.randn(3)))


def test_decoding_with_the_entries_in_parts() -> None:
    torch.manual_seed(0)
    batch = make_batch([400, 129], [1, 1], torch.float32, page_size=128)
    assert splits_of(torch.device("cpu"), 2, batch.lookup_table.shape[1] * 128) > 1
    assert_alike(attend(batch, 5, torch.float32))


def test_larger_entries_have_smaller_tiles() -> None:
    assert latent_config_of("sm_80", 2 * 576, False) == LATENT_CONFIGS["prefill"]["sm_80"]
    assert latent_config_of("sm_80", 4 * 576, False).blocks == {"BLOCK_M": 16, "BLOCK_N": 16}
    in_float8 = latent_config_of("sm_90", 2 * 576, False, True)
    assert in_float8 == replace(LATENT_CONFIGS["decode"]["sm_90"], num_stages=1)
