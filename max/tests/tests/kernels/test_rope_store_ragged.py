"""max::rope_store_ragged against complex arithmetic, and what it may write."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from max.dtype import DType
from max.graph import DeviceRef, TensorValue
from max.kernels import rope_store_ragged
from max.kernels.native import load_kernel
from max.kernels.rope_store_ragged.cpu import make_rope_store_ragged_record
from max.kernels.rope_store_ragged.reference import rope_store_ragged_reference
from max.nn.kernels import rope_split_store_ragged
from max.nn.kv_cache import KVCacheInputsPerDevice, KVCacheParams
from tests.kernels.cpu_kernels import cpu_kernels
from tests.kernels.paged_batch import PagedBatch, make_paged_batch, spread_pages

# Every implementation that is present: the op runs the C++ one on the CPU.
IMPLEMENTATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "op": rope_store_ragged,
    "reference": rope_store_ragged_reference,
    **cpu_kernels(make_rope_store_ragged_record, rope_store_ragged_reference),
}
BATCHES = [([0], [1]), ([3], [1]), ([0, 5, 4], [6, 1, 3]), ([7, 0], [0, 9]), ([299, 2], [3, 1])]


def make_freqs(positions: int, rope_dim: int) -> torch.Tensor:
    inverse = 100.0 ** -(torch.arange(0, rope_dim, 2) / rope_dim)
    angles = torch.outer(torch.arange(positions).float(), inverse)
    return torch.stack((angles.cos(), angles.sin()), -1)


def turn(
    x: torch.Tensor, positions: list[int], freqs: torch.Tensor, interleaved: bool
) -> torch.Tensor:
    """x [rows, heads, dim] by complex multiplication in double precision."""
    half = freqs.shape[1]
    out = x.double().clone()
    for row, position in enumerate(positions):
        factor = torch.view_as_complex(freqs[position].double().contiguous())
        for i in range(half):
            a, b = (2 * i, 2 * i + 1) if interleaved else (i, i + half)
            turned = torch.complex(out[row, :, a], out[row, :, b]) * factor[i]
            out[row, :, a], out[row, :, b] = turned.real, turned.imag
    return out


def run(
    batch: PagedBatch,
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    freqs: torch.Tensor | None,
    interleaved: bool,
    implementation: str = "op",
) -> torch.Tensor:
    return IMPLEMENTATIONS[implementation](
        q,
        k,
        v,
        batch.input_row_offsets,
        freqs,
        batch.kv_blocks,
        batch.cache_lengths,
        batch.lookup_table,
        1,
        interleaved,
    )


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(("past", "new"), BATCHES)
@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("rope_dim", [8, 4])
def test_turns_and_stores(
    implementation: str, past: list[int], new: list[int], interleaved: bool, rope_dim: int
) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch(past, new)
    before = batch.kv_blocks.clone()
    q = torch.randn(batch.rows, 4 * 8)
    k, v = torch.randn(2, batch.rows, 2 * 8)
    freqs = make_freqs(max(map(sum, zip(past, new, strict=True))), rope_dim)
    got = run(batch, q, k, v, freqs, interleaved, implementation)
    for request, (held, added) in enumerate(zip(past, new, strict=True)):
        rows, positions = batch.rows_of(request), list(range(held, held + added))
        want = turn(q[rows].view(added, 4, 8), positions, freqs, interleaved)
        torch.testing.assert_close(got[rows].view(added, 4, 8).double(), want, rtol=1e-5, atol=1e-5)
        keys, values = batch.cached(request, layer=1)[:, held:]
        want = turn(k[rows].view(added, 2, 8), positions, freqs, interleaved)
        torch.testing.assert_close(keys.double(), want, rtol=1e-5, atol=1e-5)
        assert torch.equal(values, v[rows].view(added, 2, 8))
    # Nothing else was written: as many changed slots as rows, all of them in layer 1.
    changed = (batch.kv_blocks != before).flatten(4).any(-1)
    assert int(changed.sum()) == 2 * batch.rows
    assert not changed[:, :, 0].any()


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_pages_may_lie_apart(implementation: str) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch([0, 5], [6, 1])
    spread = replace(batch, kv_blocks=spread_pages(batch.kv_blocks))
    q, k, v = torch.randn(7, 32), torch.randn(7, 16), torch.randn(7, 16)
    for paged in (batch, spread):
        run(paged, q, k, v, make_freqs(16, 8), True, implementation)
    assert torch.equal(batch.kv_blocks, spread.kv_blocks)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_without_a_table_nothing_is_turned(implementation: str) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch([0, 5], [6, 1])
    q, k, v = torch.randn(7, 32), torch.randn(7, 16), torch.randn(7, 16)
    assert torch.equal(run(batch, q, k, v, None, False, implementation), q)
    for request in range(2):
        stored = batch.cached(request, 1)[:, batch.past[request] :].flatten(2)
        rows = batch.rows_of(request)
        assert torch.equal(stored, torch.stack((k[rows], v[rows])))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_columns_of_one_tensor(implementation: str) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch([0, 5], [6, 1])
    q, k, v = torch.randn(7, 64).split([32, 16, 16], dim=1)
    freqs = make_freqs(16, 8)
    got = run(batch, q, k, v, freqs, True, implementation)
    written = batch.kv_blocks.clone()
    q, k, v = (each.contiguous() for each in (q, k, v))
    assert torch.equal(got, run(batch, q, k, v, freqs, True, implementation))
    assert torch.equal(batch.kv_blocks, written)


def test_cache_may_be_narrower_than_the_keys() -> None:
    torch.manual_seed(0)
    batch = make_paged_batch([0], [3], dtype=torch.bfloat16)
    q, k, v = torch.randn(3, 3, 16)
    run(batch, q, k, v, make_freqs(8, 8), False)
    assert torch.equal(batch.cached(0, 1)[1], v.view(3, 2, 8).bfloat16())


def test_the_cpu_kernel_is_built_here() -> None:
    assert load_kernel("rope_store_ragged") is not None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("cache_dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("interleaved", [False, True])
def test_dtypes_agree_with_the_reference(
    dtype: torch.dtype, cache_dtype: torch.dtype, interleaved: bool
) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch([3, 0], [5, 2], dtype=cache_dtype)
    blocks = batch.kv_blocks.clone()
    q = torch.randn(7, 32).to(dtype)
    k, v = torch.randn(2, 7, 16).to(dtype)
    freqs = make_freqs(16, 6)
    got = run(batch, q, k, v, freqs, interleaved)
    written, batch.kv_blocks = batch.kv_blocks, blocks
    want = run(batch, q, k, v, freqs, interleaved, "reference")
    # A fused multiply-add may move the last bit before the one rounding to the dtype.
    for mine, theirs in ((got, want), (written, blocks)):
        tolerance = 2**-7 if torch.bfloat16 in (dtype, cache_dtype) else 1e-6
        torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("head_dim", "interleaved"), [(8, True), (68, False)])
def test_bytes_and_their_factors(
    implementation: str, dtype: torch.dtype, head_dim: int, interleaved: bool
) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch([3, 0], [5, 2], head_dim=head_dim, dtype=torch.int8)
    want, before = replace(batch, kv_blocks=batch.kv_blocks.clone()), batch.kv_blocks.clone()
    q = torch.randn(7, 2 * head_dim).to(dtype)
    k, v = torch.randn(2, 7, 2 * head_dim).to(dtype)
    k[0] *= 1000
    v[1], v[2, 5] = 0, torch.nan
    for paged, name in ((batch, implementation), (want, "reference")):
        run(paged, q, k, v, make_freqs(16, 6), interleaved, name)
    mine, theirs = batch.wide().kv_blocks, want.wide().kv_blocks
    # A fused multiply-add may move a key's last bit, and so a number that is half-way.
    step = theirs[:, 0].abs().amax(-1, keepdim=True) / 127
    assert ((mine[:, 0] - theirs[:, 0]).abs() <= 1.01 * step).all()
    torch.testing.assert_close(mine[:, 1], theirs[:, 1], rtol=0, atol=0, equal_nan=True)
    changed = (batch.kv_blocks != before).flatten(4).any(-1)
    assert int(changed.sum()) == 2 * batch.rows


def test_queries_keys_and_values_side_by_side() -> None:
    """`max.nn.kernels.rope_split_store_ragged`, for stacked projections."""
    torch.manual_seed(0)
    batch = make_paged_batch([3, 0], [2, 5])
    blocks = batch.kv_blocks.clone()
    q, k, v = torch.randn(7, 32), torch.randn(7, 16), torch.randn(7, 16)
    freqs = make_freqs(16, 8)
    want = run(batch, q, k, v, freqs, False)
    params = KVCacheParams(DType.float32, 2, 8, 2, [DeviceRef.CPU()], page_size=4)
    lengths = TensorValue(torch.zeros(1).to(torch.uint32))  # on the host; this op does not read it
    cache = KVCacheInputsPerDevice(
        kv_blocks=TensorValue(blocks),
        cache_lengths=TensorValue(batch.cache_lengths),
        lookup_table=TensorValue(batch.lookup_table),
        max_prompt_length=lengths,
        max_cache_length=lengths,
    )
    got = rope_split_store_ragged(
        params,
        TensorValue(torch.cat((q, k, v), 1)),
        TensorValue(batch.input_row_offsets),
        TensorValue(freqs),
        cache,
        TensorValue(torch.tensor(1)),
        n_heads=4,
        interleaved=False,
    )
    torch.testing.assert_close(got.data, want, rtol=0, atol=0)
    assert torch.equal(blocks, batch.kv_blocks)
