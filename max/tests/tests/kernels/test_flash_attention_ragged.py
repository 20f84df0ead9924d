"""max::flash_attention_ragged against attention spelled out token by token."""

import math
from collections.abc import Callable

import pytest
import torch

from max.kernels import flash_attention_ragged
from max.kernels.flash_attention_ragged.reference import flash_attention_ragged_reference
from max.kernels.native import load_kernel
from tests.kernels.paged_batch import PagedBatch, make_paged_batch

BATCHES = [([0], [1]), ([9], [1]), ([0, 5, 4], [6, 1, 3]), ([3, 0, 2], [0, 9, 1]), ([], [])]


# Every implementation that is present: the op runs the C++ one on the CPU.
IMPLEMENTATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "op": flash_attention_ragged,
    "reference": flash_attention_ragged_reference,
}


def run(
    batch: PagedBatch,
    q: torch.Tensor,
    causal: bool = True,
    window: int = 0,
    implementation: str = "op",
) -> torch.Tensor:
    return IMPLEMENTATIONS[implementation](
        q,
        batch.input_row_offsets,
        batch.kv_blocks,
        batch.cache_lengths,
        batch.lookup_table,
        1,
        0.3,
        causal,
        window,
    )


def attend(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """One head of one query over the tokens that it sees, in double precision."""
    weights = [math.exp(float(query @ key) * 0.3) for key in keys]
    total = sum(weights)
    shares = torch.tensor(weights, dtype=torch.float64) / total
    return shares @ values


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(("past", "new"), BATCHES)
@pytest.mark.parametrize("heads", [2, 4, 16])
@pytest.mark.parametrize(("causal", "window"), [(True, 0), (True, 3), (False, 0)])
def test_agrees_with_attention_token_by_token(
    implementation: str, past: list[int], new: list[int], heads: int, causal: bool, window: int
) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch(past, new)
    q = torch.randn(batch.rows, heads * 8)
    got = run(batch, q, causal, window, implementation).view(-1, heads, 8).double()
    for request, (held, added) in enumerate(zip(past, new, strict=True)):
        keys, values = batch.cached(request, layer=1).double()
        queries = q[batch.rows_of(request)].view(added, heads, 8).double()
        for row in range(added):
            position = held + row
            last = position + 1 if causal else held + added
            first = max(0, position - window + 1) if window else 0
            for head in range(heads):
                group = head // (heads // 2)
                want = attend(
                    queries[row, head], keys[first:last, group], values[first:last, group]
                )
                mine = got[batch.rows_of(request)][row, head]
                torch.testing.assert_close(mine, want, rtol=1e-5, atol=1e-5)


def test_long_prompts_are_done_in_blocks_of_queries() -> None:
    torch.manual_seed(0)
    batch = make_paged_batch([0], [600], page_size=64)
    q = torch.randn(600, 32)
    whole = run(batch, q)
    tail = make_tail(batch, 100)
    torch.testing.assert_close(run(tail, q[-100:]), whole[-100:], rtol=1e-5, atol=1e-5)


def make_tail(batch: PagedBatch, rows: int) -> PagedBatch:
    """The same request when all but its last rows are in the cache already."""
    held = batch.new[0] - rows
    return PagedBatch([held], [rows], batch.kv_blocks, batch.lookup_table)


def test_the_cpu_kernel_is_built_here() -> None:
    assert load_kernel("flash_attention_ragged") is not None


@pytest.mark.parametrize("head_dim", [8, 40, 64])
@pytest.mark.parametrize("q_dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("cache_dtype", [torch.float32, torch.bfloat16])
def test_dtypes_agree_with_the_reference(
    head_dim: int, q_dtype: torch.dtype, cache_dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch([5, 0], [4, 7], dtype=cache_dtype, head_dim=head_dim)
    q = torch.randn(11, 4 * head_dim).to(q_dtype)
    got, want = run(batch, q), run(batch, q, implementation="reference")
    assert got.dtype == q_dtype
    # One rounding to the dtype of q after sums in float32.
    tolerance = 2**-7 if q_dtype == torch.bfloat16 else 1e-5
    torch.testing.assert_close(got, want, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_row_has_the_same_bits_in_any_chunk_batch_and_number_of_threads(threads: int) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch([0], [300], page_size=16, head_dim=32)
    q = torch.randn(300, 128)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    alone = torch.cat([run(make_tail(batch, 300 - i), q[i:])[:1] for i in range(0, 300, 50)])
    torch.set_num_threads(threads)
    whole = run(batch, q)
    torch.set_num_threads(before)
    assert torch.equal(whole[::50], alone)
