"""Entries of a cache in 8 bits."""

from __future__ import annotations

import pytest
import torch

from max.dtype import DType
from max.kernels import flash_attention_ragged, rope_store_ragged
from max.kernels.eight_bit_entries import decoded, encoded, entry_elements, factor_bytes
from max.kernels.gpu.tuning import reads_cache_of
from max.nn.kv_cache.groups import KeyValue, Latent
from tests.kernels.paged_batch import make_paged_batch

DTYPES = [torch.float8_e4m3fn, torch.int8]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_vector_of_any_size_keeps_what_its_numbers_can(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    x = torch.randn(5, 3, 64) * torch.tensor([1e-6, 1.0, 300.0, 1e6, 0.0])[:, None, None]
    entries = encoded(x, dtype).view(dtype)
    assert entries.shape == (5, 3, 64 + factor_bytes(dtype)) and entry_elements(entries) == 64
    got = decoded(entries)
    most = x.abs().amax(-1, keepdim=True)
    if dtype.is_floating_point:
        # Half of the last of 3 bits, and of the step below the smallest normal number, 2^-6.
        bound = torch.maximum(x.abs() * 2**-4, most / 448 * 2**-10)
    else:
        bound = most / 127 / 2
    assert ((got - x).abs() <= bound * 1.0001).all()
    torch.testing.assert_close(got.abs().amax(-1, keepdim=True), most)


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_no_number_stays_none(dtype: torch.dtype) -> None:
    x = torch.randn(2, 3, 16)
    x[0, 0, 5], x[0, 1, 5] = torch.nan, torch.inf
    got = decoded(encoded(x, dtype).view(dtype))
    assert not got[0, :2].isfinite().any(-1).all() and got[0, 2].isfinite().all()
    assert got[1].isfinite().all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_vector_does_not_depend_on_others(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 16)
    together = encoded(x, dtype)
    assert torch.equal(together, torch.cat([encoded(x[[row]], dtype) for row in range(4)]))


def test_other_types_are_what_they_were() -> None:
    x = torch.randn(2, 16)
    assert torch.equal(encoded(x, torch.bfloat16), x.bfloat16())
    assert entry_elements(x) == 16 and torch.equal(decoded(x.half()), x.half().float())


def test_pages_have_room_for_factors() -> None:
    assert KeyValue(DType.float8_e4m3fn, 2, 64).page_shape(3, 16) == [2, 3, 16, 2, 80]
    assert KeyValue(DType.int8, 2, 64).page_shape(3, 16) == [2, 3, 16, 2, 68]
    assert Latent(DType.float8_e4m3fn, 576).page_shape(1, 16) == [1, 1, 16, 1, 592]
    assert Latent(DType.int8, 576).page_shape(1, 16) == [1, 1, 16, 1, 580]
    with pytest.raises(ValueError, match="multiple of 4 elements, this model's have 22"):
        KeyValue(DType.int8, 2, 22).page_shape(3, 16)


def test_gpus_read_floats() -> None:
    host = torch.device("cpu")  # the interpreter's
    assert reads_cache_of(torch.bfloat16, host) and reads_cache_of(torch.float8_e4m3fn, host)
    assert not reads_cache_of(torch.int8, host)


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float8_e4m3fn, 0.05), (torch.int8, 0.02)])
def test_attention_reads_what_was_stored(dtype: torch.dtype, bound: float) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch([0, 0], [6, 3], head_dim=32)
    q, k, v = torch.randn(batch.rows, 8 * 32).split([4 * 32, 2 * 32, 2 * 32], 1)
    shape = [*batch.kv_blocks.shape[:-1], 32 + factor_bytes(dtype)]
    small = torch.zeros(shape, dtype=torch.uint8).view(dtype)
    found = []
    for blocks in (batch.kv_blocks, small):
        cache = (blocks, batch.cache_lengths, batch.lookup_table, 1)
        turned = rope_store_ragged(q, k, v, batch.input_row_offsets, None, *cache, False)
        rest = (0.2, True, 0, 0, 0.0, None, None)
        found.append(flash_attention_ragged(turned, batch.input_row_offsets, *cache, *rest))
    wide, narrow = found
    assert 0 < (narrow - wide).norm() / wide.norm() < bound
