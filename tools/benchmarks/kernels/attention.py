"""Times attention over the paged cache, beside torch's and beside what the machine could do.

    python3 -m tools.benchmarks.kernels.attention --cases 144+1 192+1x8 3840+256

A case is tokens in the cache + new ones, and, after an x, how many such requests there are. The
cache has as many layers as take the memory that is asked for, so that none is in a processor's
cache; a time is that of one layer. "read" is how long a plain read of a layer's keys and values
takes, "of peak" the share of the arithmetic in registers (of the dtype of the queries, bfloat16
where the machine multiplies it). torch's is `scaled_dot_product_attention` on contiguous keys and
values of the queries' dtype, the query heads of one KV head folded into rows of one product. All
take turns, so that what else runs on the machine slows all of them; medians.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F

from max.benchmark.table import aligned, number
from max.kernels.eight_bit_entries import decoded, encoded, factor_bytes
from max.kernels.flash_attention_ragged.cpu import make_flash_attention_ragged_record
from max.kernels.memory import empty_in_huge_pages
from max.kernels.peak_arithmetic import run_peak_arithmetic
from max.kernels.read_bandwidth import read_rate
from max.kernels.recording import Recording, torch_empty
from max.kernels.thread_pool import num_threads
from tools.benchmarks.kernels.timing import (
    Clock,
    add_timing_options,
    take_turns,
    use_timing_options,
)

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "int8": torch.int8}
_HEAD = ("case", "us", "read us", "GB/s", "TOP/s", "of peak", "torch")
# Cases with more new tokens of a request than this do not wait for memory: two layers will do.
_FEW_ROWS = 8


class Case(NamedTuple):
    """Requests of one length each."""

    past: int
    new: int
    requests: int

    @property
    def tokens(self) -> int:
        return self.past + self.new


class Heads(NamedTuple):
    """The shape of a layer."""

    query: int
    kv: int
    dim: int
    page: int  # tokens


class Cache(NamedTuple):
    """Layers of keys and values, in pages, and the same as torch takes them."""

    blocks: torch.Tensor
    table: torch.Tensor
    keys: list[torch.Tensor]
    values: list[torch.Tensor]


def main(argv: Sequence[str] | None = None) -> None:
    """Prints a table per pair of types."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    cases = ["144+1", "2048+1", "192+1x8", "0+512", "3840+256"]
    parser.add_argument("--cases", nargs="+", type=parse_case, default=list(map(parse_case, cases)))
    pairs = ["bfloat16/bfloat16", "float32/bfloat16"]
    parser.add_argument("--types", nargs="+", default=pairs, help="of queries / of the cache")
    parser.add_argument("--heads", type=int, default=32)
    parser.add_argument("--kv-heads", type=int, default=8)
    parser.add_argument("--head-dim", type=int, default=64)
    parser.add_argument("--page-size", type=int, default=128)
    parser.add_argument("--megabytes", type=int, default=128, help="of caches, for few new tokens")
    add_timing_options(parser)
    args = parser.parse_args(argv)
    clock = use_timing_options(parser, args)
    torch.set_num_threads(num_threads())
    heads = Heads(args.heads, args.kv_heads, args.head_dim, args.page_size)
    for pair in args.types:
        q_dtype, kv_dtype = (_DTYPES[name] for name in pair.split("/"))
        print(f"{pair}, {heads.query}/{heads.kv} heads of {heads.dim}, {num_threads()} threads")
        lines = []
        for case in args.cases:
            cache = make_cache(case, heads, q_dtype, kv_dtype, args.megabytes * 10**6)
            lines.append(measure(case, heads, cache, q_dtype, args.turns, clock))
        print(aligned([_HEAD, *lines]), flush=True)


def parse_case(text: str) -> Case:
    """The case that `past+new`, or `past+newxrequests`, names."""
    found = re.fullmatch(r"(\d+)\+(\d+)(?:x(\d+))?", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no case, as 144+1 or 192+1x8")
    past, new, requests = found.groups(default="1")
    return Case(int(past), int(new), int(requests))


def make_cache(
    case: Case, heads: Heads, q_dtype: torch.dtype, kv_dtype: torch.dtype, size: int
) -> Cache:
    """As many layers as have `size` bytes, of random content."""
    pages = -(-case.tokens // heads.page)
    count = pages * case.requests
    stored = heads.dim + factor_bytes(kv_dtype)
    layer_bytes = count * 2 * heads.page * heads.kv * stored * kv_dtype.itemsize
    layers = max(2, -(-size // layer_bytes)) if case.new <= _FEW_ROWS else 2
    shape = (count, 2, layers, heads.kv, heads.page, stored)
    blocks = empty_in_huge_pages(shape, kv_dtype).transpose(3, 4)
    for page in blocks:
        numbers = torch.randn(*page.shape[:-1], heads.dim)
        page.copy_(encoded(numbers, kv_dtype).view(kv_dtype))
    table = torch.randperm(count).view(case.requests, pages)
    # [requests, pages, 2, layers, page, heads, dim] -> [2, layers, requests, heads, tokens, dim]
    inner = decoded(blocks[table]).permute(2, 3, 0, 5, 1, 4, 6).flatten(4, 5)[..., : case.tokens, :]
    keys, values = inner.contiguous().to(q_dtype)
    return Cache(blocks, table.to(torch.uint32), list(keys), list(values))


def measure(
    case: Case, heads: Heads, cache: Cache, q_dtype: torch.dtype, turns: int, clock: Clock
) -> tuple[str, ...]:
    """One line of the table."""
    rows = case.new * case.requests
    q = torch.randn(rows, heads.query * heads.dim).to(q_dtype)
    layers = cache.blocks.shape[2]
    attention = record_attention(case, heads, cache, q)
    theirs = torch_calls(case, heads, cache, q)
    peak = torch.float32 if cache.blocks.dtype == torch.float32 else q_dtype
    rates: list[float] = []
    seconds = take_turns(
        turns,
        clock,
        read=lambda: rates.append(read_rate(cache.blocks) or math.nan),
        peak=lambda: run_peak_arithmetic(peak),
        ours=lambda: [recording.call.run() for recording in attention],
        torch=lambda: [call() for call in theirs],
    )
    ours = seconds["ours"] / layers
    vector_bytes = cache.blocks.shape[-1] * cache.blocks.itemsize
    nbytes = 2 * case.tokens * case.requests * heads.kv * vector_bytes
    seen = case.new * case.past + case.new * (case.new + 1) // 2
    operations = 4 * seen * case.requests * heads.query * heads.dim / ours
    requests = f"x{case.requests}" if case.requests > 1 else ""
    return (
        f"{case.past}+{case.new}{requests}",
        number(ours * 1e6),
        number(nbytes / sorted(rates)[len(rates) // 2] * 1e6),
        number(nbytes / ours / 1e9),
        f"{operations / 1e12:.3f}",
        f"{operations * seconds['peak'] / run_peak_arithmetic(peak):.0%}",
        f"{seconds['torch'] / seconds['ours']:.2f} x",
    )


def record_attention(case: Case, heads: Heads, cache: Cache, q: torch.Tensor) -> list[Recording]:
    """The kernel's calls, one for each layer.

    Raises:
        RuntimeError: without a C++ compiler.
    """
    record = make_flash_attention_ragged_record()
    if record is None:
        raise RuntimeError("attention is not timed without its C++ kernel; install g++ or set CXX")
    offsets = (torch.arange(case.requests + 1) * case.new).to(torch.uint32)
    past = torch.full((case.requests,), case.past).to(torch.uint32)
    scale = heads.dim**-0.5
    recordings = []
    for layer in range(cache.blocks.shape[2]):
        mask = (True, 0, 0, 0.0, None, None)
        operands = (q, offsets, cache.blocks, past, cache.table, layer, scale, *mask)
        recording = record(torch_empty, *operands)
        assert recording is not None
        recordings.append(recording._replace(call=recording.call._replace(held=operands)))
    return recordings


def torch_calls(
    case: Case, heads: Heads, cache: Cache, q: torch.Tensor
) -> list[Callable[[], torch.Tensor]]:
    """torch's attention on each layer."""
    group = heads.query // heads.kv
    folded = q.view(case.requests, case.new, heads.kv, group, heads.dim).permute(0, 2, 3, 1, 4)
    folded = folded.reshape(case.requests, heads.kv, group * case.new, heads.dim)
    mask = None
    if case.new > 1:
        seen = torch.ones(case.new, case.tokens, dtype=torch.bool).tril(case.past)
        mask = torch.zeros(seen.shape).masked_fill(~seen, -math.inf).repeat(group, 1).to(q.dtype)
    pairs = zip(cache.keys, cache.values, strict=True)
    return [
        lambda key=key, value=value: F.scaled_dot_product_attention(  # type: ignore[misc]
            folded, key, value, attn_mask=mask
        )
        for key, value in pairs
    ]


if __name__ == "__main__":
    main()
