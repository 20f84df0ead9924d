"""max::flash_attention_ragged against attention spelled out token by token."""

import math

import pytest
import torch

from max.kernels import flash_attention_ragged
from tests.kernels.paged_batch import PagedBatch, make_paged_batch

BATCHES = [([0], [1]), ([9], [1]), ([0, 5, 4], [6, 1, 3]), ([3, 0, 2], [0, 9, 1]), ([], [])]


def run(batch: PagedBatch, q: torch.Tensor, causal: bool = True, window: int = 0) -> torch.Tensor:
    result: torch.Tensor = flash_attention_ragged(
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
    return result


def attend(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """One head of one query over the tokens that it sees, in double precision."""
    weights = [math.exp(float(query @ key) * 0.3) for key in keys]
    total = sum(weights)
    shares = torch.tensor(weights, dtype=torch.float64) / total
    return shares @ values


@pytest.mark.parametrize(("past", "new"), BATCHES)
@pytest.mark.parametrize("heads", [2, 4, 16])
@pytest.mark.parametrize(("causal", "window"), [(True, 0), (True, 3), (False, 0)])
def test_agrees_with_attention_token_by_token(
    past: list[int], new: list[int], heads: int, causal: bool, window: int
) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch(past, new)
    q = torch.randn(batch.rows, heads * 8)
    got = run(batch, q, causal, window).view(-1, heads, 8).double()
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


def test_bfloat16_keeps_its_dtype_and_sums_in_float32() -> None:
    torch.manual_seed(0)
    batch = make_paged_batch([5], [4], dtype=torch.bfloat16)
    q = torch.randn(4, 32).bfloat16()
    got = run(batch, q)
    wide = PagedBatch(batch.past, batch.new, batch.kv_blocks.float(), batch.lookup_table)
    assert got.dtype == torch.bfloat16
    assert torch.equal(got, run(wide, q.float()).bfloat16())
