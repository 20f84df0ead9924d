"""max::flash_attention_ragged against attention spelled out token by token."""

import math
from collections.abc import Callable

import pytest
import torch

from max.kernels import flash_attention_ragged
from max.kernels.eight_bit_entries import encoded
from max.kernels.flash_attention_ragged.cpu import make_flash_attention_ragged_record
from max.kernels.flash_attention_ragged.reference import flash_attention_ragged_reference
from max.kernels.native import load_kernel
from max.kernels.thread_pool import set_num_threads
from tests.kernels.cpu_kernels import cpu_kernels
from tests.kernels.paged_batch import PagedBatch, make_paged_batch, spread_pages

BATCHES = [([0], [1]), ([9], [1]), ([0, 5, 4], [6, 1, 3]), ([3, 0, 2], [0, 9, 1]), ([], [])]


# The op runs the best of the C++ ones on the CPU.
CPU_KERNELS: dict[str, Callable[..., torch.Tensor]] = cpu_kernels(
    make_flash_attention_ragged_record, flash_attention_ragged_reference
)
IMPLEMENTATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "op": flash_attention_ragged,
    "reference": flash_attention_ragged_reference,
    **CPU_KERNELS,
}


def run(
    batch: PagedBatch,
    q: torch.Tensor,
    causal: bool = True,
    window: int = 0,
    implementation: str = "op",
    chunk: int = 0,
    softcap: float = 0.0,
    sinks: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
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
        chunk,
        softcap,
        sinks,
        bias,
    )


def attend(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    softcap: float = 0.0,
    sink: float = -math.inf,
    biases: torch.Tensor | None = None,
) -> torch.Tensor:
    """One head of one query over the tokens that it sees, in double precision."""
    scores = [float(query @ key) * 0.3 for key in keys]
    if softcap:
        scores = [softcap * math.tanh(score / softcap) for score in scores]
    if biases is not None:
        scores = [score + float(bias) for score, bias in zip(scores, biases, strict=True)]
    weights = [math.exp(score) for score in scores]
    total = sum(weights) + math.exp(sink)
    shares = torch.tensor(weights, dtype=torch.float64) / total
    return shares @ values


@pytest.mark.parametrize("implementation", ["op", "reference"])
@pytest.mark.parametrize(("past", "new"), BATCHES)
@pytest.mark.parametrize("heads", [2, 4, 16])
@pytest.mark.parametrize(("causal", "window"), [(True, 0), (True, 3), (False, 0), (False, 3)])
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
            last = min(last, position + window) if window else last
            first = max(0, position - window + 1) if window else 0
            for head in range(heads):
                group = head // (heads // 2)
                want = attend(
                    queries[row, head], keys[first:last, group], values[first:last, group]
                )
                mine = got[batch.rows_of(request)][row, head]
                torch.testing.assert_close(mine, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(("past", "new"), BATCHES)
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(
    ("chunk", "softcap", "has_sinks"),
    [(4, 0.0, False), (0, 0.7, False), (0, 0.0, True), (3, 2.0, True)],
)
def test_chunks_soft_caps_and_sinks(
    implementation: str,
    past: list[int],
    new: list[int],
    causal: bool,
    chunk: int,
    softcap: float,
    has_sinks: bool,
) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch(past, new)
    q, sinks = torch.randn(batch.rows, 6 * 8), torch.randn(6) if has_sinks else None
    got = run(batch, q, causal, 0, implementation, chunk, softcap, sinks).view(-1, 6, 8).double()
    for request, (held, added) in enumerate(zip(past, new, strict=True)):
        keys, values = batch.cached(request, layer=1).double()
        queries = q[batch.rows_of(request)].view(added, 6, 8).double()
        for row in range(added):
            position, size = held + row, chunk or 1000
            first = position // size * size
            last = position + 1 if causal else min(held + added, first + size)
            for head in range(6):
                sink = -math.inf if sinks is None else float(sinks[head])
                key, value = keys[first:last, head // 3], values[first:last, head // 3]
                want = attend(queries[row, head], key, value, softcap, sink)
                mine = got[batch.rows_of(request)][row, head]
                torch.testing.assert_close(mine, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(("past", "new"), [*BATCHES, ([0, 100], [150, 1])])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("span", "softcap"), [(2, 0.0), (0, 0.7), (200, 0.0)])
def test_biases_of_distances(
    implementation: str, past: list[int], new: list[int], causal: bool, span: int, softcap: float
) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch(past, new)
    q, bias = torch.randn(batch.rows, 6 * 8), torch.randn(6, 2 * span + 1)
    got = run(batch, q, causal, 0, implementation, 0, softcap, bias=bias).view(-1, 6, 8).double()
    for request, (held, added) in enumerate(zip(past, new, strict=True)):
        keys, values = batch.cached(request, layer=1).double()
        queries = q[batch.rows_of(request)].view(added, 6, 8).double()
        for row in range(0, added, 7):
            position = held + row
            last = position + 1 if causal else held + added
            distances = [min(max(key - position, -span), span) + span for key in range(last)]
            for head in range(0, 6, 2):
                key, value = keys[:last, head // 3], values[:last, head // 3]
                biases = bias[head, distances]
                want = attend(queries[row, head], key, value, softcap, biases=biases)
                mine = got[batch.rows_of(request)][row, head]
                torch.testing.assert_close(mine, want, rtol=1e-5, atol=1e-5)


def test_biases_are_of_each_query_head_and_both_directions() -> None:
    batch = make_paged_batch([0], [1])
    tensors = (batch.input_row_offsets, batch.kv_blocks, batch.cache_lengths, batch.lookup_table)
    q, *others = (t.to("meta") for t in (torch.randn(1, 32), *tensors))
    for bias in (torch.randn(3, 5), torch.randn(4, 4), torch.randn(4, 5).bfloat16()):
        with pytest.raises(RuntimeError, match=r"bias is float32 \[4 query heads, an odd"):
            flash_attention_ragged(q, *others, 1, 0.3, True, 0, 0, 0.0, None, bias.to("meta"))


@pytest.mark.parametrize("implementation", CPU_KERNELS)
@pytest.mark.parametrize(("group", "head_dim"), [(4, 64), (7, 128), (3, 20)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_long_requests_under_every_mask(
    implementation: str, group: int, head_dim: int, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    shape = {"page_size": 16, "kv_heads": 2, "head_dim": head_dim}
    batch = make_paged_batch([0, 300, 130], [150, 1, 9], dtype=dtype, **shape)
    q = torch.randn(batch.rows, 2 * group * head_dim).to(dtype)
    sinks = torch.randn(2 * group).to(dtype)
    exact = PagedBatch(batch.past, batch.new, batch.kv_blocks.float(), batch.lookup_table)
    for window, chunk, softcap, some in ((70, 0, 5.0, None), (0, 100, 0.0, sinks)):
        got = run(batch, q, True, window, implementation, chunk, softcap, some)
        want = run(exact, q.float(), True, window, "reference", chunk, softcap, some)
        # One rounding to the dtype of q after sums in float32.
        tolerance = 2**-7 if dtype == torch.bfloat16 else 2e-5
        torch.testing.assert_close(got.float(), want, rtol=tolerance, atol=tolerance)
        step = make_steps(batch_of(batch, 0), [149])
        alone = run(step, q[149:150], True, window, implementation, chunk, softcap, some)
        assert torch.equal(alone, got[149:150])


def batch_of(batch: PagedBatch, request: int) -> PagedBatch:
    """One request of a batch."""
    table = batch.lookup_table[request : request + 1]
    return PagedBatch([batch.past[request]], [batch.new[request]], batch.kv_blocks, table)


def test_sinks_are_one_for_each_query_head() -> None:
    batch = make_paged_batch([0], [1])
    tensors = (batch.input_row_offsets, batch.kv_blocks, batch.cache_lengths, batch.lookup_table)
    q, *others, sinks = (t.to("meta") for t in (torch.randn(1, 32), *tensors, torch.randn(3)))
    with pytest.raises(RuntimeError, match=r"there are 4 query heads; sinks is \[3\]"):
        flash_attention_ragged(q, *others, 1, 0.3, True, 0, 0, 0.0, sinks, None)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_pages_may_lie_apart(implementation: str) -> None:
    """Groups of layers share a memory of equal blocks, which a group need not fill."""
    torch.manual_seed(0)
    batch = make_paged_batch([0, 5], [6, 1])
    q = torch.randn(batch.rows, 32)
    want = run(batch, q, implementation=implementation)
    batch.kv_blocks = spread_pages(batch.kv_blocks)
    assert torch.equal(run(batch, q, implementation=implementation), want)


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


@pytest.mark.parametrize("implementation", CPU_KERNELS)
@pytest.mark.parametrize(
    ("kv_heads", "group", "head_dim", "page_size"),
    [(2, 2, 8, 4), (2, 4, 64, 128), (2, 3, 32, 16), (1, 7, 20, 5), (1, 8, 128, 64), (1, 1, 7, 3)],
)
@pytest.mark.parametrize("q_dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("cache_dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("causal", "window"), [(True, 0), (True, 70), (False, 0)])
def test_agrees_with_the_reference_in_float32(
    implementation: str,
    kv_heads: int,
    group: int,
    head_dim: int,
    page_size: int,
    q_dtype: torch.dtype,
    cache_dtype: torch.dtype,
    causal: bool,
    window: int,
) -> None:
    torch.manual_seed(0)
    shape = {"page_size": page_size, "kv_heads": kv_heads, "head_dim": head_dim}
    batch = make_paged_batch([0, 3, 130, 64, 77], [5, 1, 1, 70, 0], dtype=cache_dtype, **shape)
    q = torch.randn(batch.rows, kv_heads * group * head_dim).bfloat16().to(q_dtype)
    got = run(batch, q, causal, window, implementation)
    exact = PagedBatch(batch.past, batch.new, batch.kv_blocks.float(), batch.lookup_table)
    want = run(exact, q.float(), causal, window, "reference")
    assert got.dtype == q_dtype
    # One rounding to the dtype of q after sums in float32; or of probabilities before.
    is_rounded = q_dtype == torch.bfloat16 or rounds_queries(implementation, cache_dtype)
    tolerance = 2**-8 if is_rounded else 1e-5
    torch.testing.assert_close(got.float(), want, rtol=tolerance, atol=tolerance)


def rounds_queries(implementation: str, cache_dtype: torch.dtype) -> bool:
    """Whether float32 queries become bfloat16: where pairs of those are multiplied."""
    return implementation == "avx512_bf16" and cache_dtype == torch.bfloat16


@pytest.mark.parametrize("implementation", CPU_KERNELS)
@pytest.mark.parametrize("cache_dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("past", "new"), [([300], [1]), ([0], [150])])
def test_queries_are_rounded_to_the_cache_at_most(
    implementation: str, cache_dtype: torch.dtype, past: list[int], new: list[int]
) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch(past, new, dtype=cache_dtype, page_size=16, head_dim=64)
    q = torch.randn(batch.rows, 8 * 64)
    got = run(batch, q, implementation=implementation)
    of_rounded = run(batch, q.bfloat16().float(), implementation=implementation)
    assert torch.equal(got, of_rounded) == rounds_queries(implementation, cache_dtype)
    exact = PagedBatch(batch.past, batch.new, batch.kv_blocks.float(), batch.lookup_table)
    want = run(exact, q, implementation="reference")
    assert (got - want).norm() / want.norm() < 0.006


@pytest.mark.parametrize("implementation", CPU_KERNELS)
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("q_dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("cache_dtype", [torch.float32, torch.bfloat16, torch.int8])
@pytest.mark.parametrize(("group", "head_dim"), [(3, 32), (2, 64), (7, 128)])
@pytest.mark.parametrize("window", [0, 100])
def test_a_row_has_the_same_bits_in_any_chunk_batch_and_number_of_threads(
    implementation: str,
    threads: int,
    q_dtype: torch.dtype,
    cache_dtype: torch.dtype,
    group: int,
    head_dim: int,
    window: int,
) -> None:
    torch.manual_seed(0)
    shape = {"page_size": 16, "kv_heads": 3, "head_dim": head_dim}
    batch = make_paged_batch([0], [200], dtype=cache_dtype, **shape)
    q = torch.randn(200, 3 * group * head_dim).to(q_dtype)
    set_num_threads(1)
    rows = [0, 1, 62, 63, 64, 65, 128, 199]
    # A row alone, as the first of all that follow it, and as the last of two.
    alone = [run(make_step(batch, i), q[i : i + 1], True, window, implementation) for i in rows]
    first = [run(make_tail(batch, 200 - i), q[i:], True, window, implementation)[:1] for i in rows]
    pairs = [
        run(make_step(batch, i, 2), q[i - 1 : i + 1], True, window, implementation)
        for i in rows[1:]
    ]
    set_num_threads(threads)
    whole = run(batch, q, True, window, implementation)[rows]
    together = run(make_steps(batch, rows), q[rows], True, window, implementation)
    set_num_threads(None)
    assert torch.equal(whole, torch.cat(alone))
    assert torch.equal(whole, torch.cat(first))
    assert torch.equal(whole[1:], torch.stack([pair[1] for pair in pairs]))
    assert torch.equal(whole, together)


@pytest.mark.parametrize("implementation", CPU_KERNELS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_query_heads_are_shared_out_where_kv_heads_are_fewer_than_threads(
    implementation: str, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch([150], [1], page_size=16, kv_heads=1, head_dim=64, dtype=dtype)
    q, sinks = torch.randn(1, 18 * 64).to(dtype), torch.randn(18)
    set_num_threads(1)
    alone = run(batch, q, implementation=implementation, sinks=sinks)
    set_num_threads(3)
    shared = run(batch, q, implementation=implementation, sinks=sinks)
    set_num_threads(None)
    assert torch.equal(shared, alone)
    want = run(batch, q, implementation="reference", sinks=sinks)
    tolerance = 1e-5 if dtype == torch.float32 else 2**-7
    torch.testing.assert_close(shared, want, rtol=tolerance, atol=tolerance)


def make_step(batch: PagedBatch, position: int, rows: int = 1) -> PagedBatch:
    """The same request when the row at `position` is the last one of the batch."""
    return PagedBatch([position + 1 - rows], [rows], batch.kv_blocks, batch.lookup_table)


def make_steps(batch: PagedBatch, positions: list[int]) -> PagedBatch:
    """As many requests as positions, which share their pages and add a row each."""
    table = batch.lookup_table.expand(len(positions), -1).contiguous()
    return PagedBatch(positions, [1] * len(positions), batch.kv_blocks, table)


@pytest.mark.parametrize("implementation", CPU_KERNELS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_large_scores_neither_overflow_nor_vanish(implementation: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch([150], [1], page_size=16, head_dim=64, dtype=dtype)
    # Scores of about 100 times the usual ones: one key has all the weight.
    q = (100 * torch.randn(1, 8 * 64)).bfloat16().float()
    got = run(batch, q, implementation=implementation)
    exact = PagedBatch(batch.past, batch.new, batch.kv_blocks.float(), batch.lookup_table)
    torch.testing.assert_close(got, run(exact, q, implementation="reference"), rtol=1e-3, atol=1e-3)


def make_codes(rows: int, columns: int, head_dim: int) -> torch.Tensor:
    """Queries that bytes and a factor of each head stand for exactly."""
    codes = torch.randint(-127, 128, (rows, columns // head_dim, head_dim)).float()
    codes[..., 0] = 127
    return (codes / 64 * torch.rand(codes.shape[:2])[..., None]).flatten(1)


BYTE_SHAPES = [
    (2, 2, 8, 4),
    (2, 4, 64, 128),
    (2, 3, 32, 16),
    (1, 7, 20, 5),
    (1, 8, 128, 64),
    (3, 1, 4, 3),
    (1, 5, 96, 16),
    (1, 16, 80, 16),
]


@pytest.mark.parametrize("implementation", CPU_KERNELS)
@pytest.mark.parametrize(("kv_heads", "group", "head_dim", "page_size"), BYTE_SHAPES)
@pytest.mark.parametrize("q_dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("causal", "window", "chunk", "softcap"),
    [(True, 0, 0, 0.0), (True, 70, 0, 5.0), (False, 0, 0, 0.0), (True, 0, 100, 0.0)],
)
def test_a_cache_of_bytes(
    implementation: str,
    kv_heads: int,
    group: int,
    head_dim: int,
    page_size: int,
    q_dtype: torch.dtype,
    causal: bool,
    window: int,
    chunk: int,
    softcap: float,
) -> None:
    torch.manual_seed(0)
    shape = {"page_size": page_size, "kv_heads": kv_heads, "head_dim": head_dim}
    batch = make_paged_batch([0, 3, 130, 64, 77], [5, 1, 1, 70, 0], dtype=torch.int8, **shape)
    heads = kv_heads * group
    q = make_codes(batch.rows, heads * head_dim, head_dim).to(q_dtype)
    sinks, bias = torch.randn(heads), torch.randn(heads, 9)
    got = run(batch, q, causal, window, implementation, chunk, softcap, sinks, bias)
    exact = batch.wide()
    want = run(exact, q.float(), causal, window, "reference", chunk, softcap, sinks, bias)
    assert got.dtype == q_dtype
    if q_dtype == torch.float32:
        # Probabilities have 14 bits, counted from a tile's largest.
        torch.testing.assert_close(got, want, rtol=1e-3, atol=1e-3)
    else:  # and queries that are no multiples of a factor are rounded to 8
        assert (got.float() - want).norm() / want.norm() < 0.01


@pytest.mark.parametrize("implementation", CPU_KERNELS)
def test_queries_of_a_cache_of_bytes_cost_little(implementation: str) -> None:
    """They become bytes where the machine multiplies bytes."""
    torch.manual_seed(0)
    batch = make_paged_batch([700], [3], dtype=torch.int8, page_size=16, head_dim=64)
    q = torch.randn(3, 8 * 64)
    got = run(batch, q, implementation=implementation)
    want = run(batch.wide(), q, implementation="reference")
    assert (got - want).norm() / want.norm() < 0.02


@pytest.mark.parametrize("implementation", CPU_KERNELS)
@pytest.mark.parametrize("kind", [0, 1])
def test_what_is_no_number_in_a_cache_of_bytes_is_told(implementation: str, kind: int) -> None:
    torch.manual_seed(0)
    batch = make_paged_batch([0], [70], page_size=128, kv_heads=1, head_dim=16)
    page = int(batch.lookup_table[0, 0])
    batch.kv_blocks[page, kind, 1, 65, 0, 3] = torch.nan
    batch.kv_blocks = encoded(batch.kv_blocks, torch.int8).view(torch.int8)
    got = run(batch, torch.randn(70, 32), implementation=implementation)
    assert got[:48].isfinite().all() and got[65:].isnan().all()
