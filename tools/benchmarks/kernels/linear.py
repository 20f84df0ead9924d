"""Times products with packed weights, beside torch's and beside what the machine could do.

    python3 -m tools.benchmarks.kernels.linear --encodings bfloat16 q4_k --rows 1 8 512

For each number of rows: the time of one weight, the rate of reading it and its share of a plain
read of the same memory, the rate of operations and its share of the peak in registers. Then how
many times as long torch's `F.linear` takes, and its operation on a weight packed for oneDNN, both
with plain weights (bfloat16 beside quantized ones). All take turns, so that what else runs on the
machine slows all of them; medians.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F

from max.benchmark.table import aligned, number
from max.graph.quantization import QuantizationEncoding
from max.kernels import packed_linear
from max.kernels.layouts.panels import BLOCK_UNITS, Panels
from max.kernels.memory import empty_in_huge_pages
from max.kernels.peak_arithmetic import run_peak_arithmetic
from max.kernels.read_bandwidth import read_rate
from max.kernels.thread_pool import num_threads
from tools.benchmarks.kernels.timing import (
    Clock,
    add_timing_options,
    take_turns,
    use_timing_options,
)

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_HEAD = ("rows", "us", "GB/s", "of read", "TOP/s", "of peak", "torch", "oneDNN")
# Products of more rows than this do not wait for memory: one weight will do.
_FEW_ROWS = 64


class Weights(NamedTuple):
    """Weights of one shape: as the kernels read them, as torch does, and as oneDNN does."""

    packed: list[torch.Tensor]
    plain: list[torch.Tensor]
    reordered: list[torch.Tensor]


def main(argv: Sequence[str] | None = None) -> None:
    """Prints a table per encoding."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    encodings = [*_DTYPES, *BLOCK_UNITS]
    parser.add_argument("--encodings", nargs="+", choices=encodings, default=["bfloat16"])
    parser.add_argument("--rows", nargs="+", type=int, default=[1, 4, 8, 16, 32, 128, 512])
    parser.add_argument("--outputs", type=int, default=8192)
    parser.add_argument("--columns", type=int, default=2048)
    parser.add_argument("--megabytes", type=int, default=512, help="of weights: beyond all caches")
    add_timing_options(parser)
    args = parser.parse_args(argv)
    clock = use_timing_options(parser, args)
    for encoding in args.encodings:
        print(f"{encoding}, weights of {args.outputs} x {args.columns}, {num_threads()} threads")
        weights = make_weights(encoding, args.outputs, args.columns, args.megabytes * 10**6)
        lines = [measure(encoding, weights, rows, args.turns, clock) for rows in args.rows]
        print(aligned([_HEAD, *lines]), flush=True)


def make_weights(encoding: str, outputs: int, columns: int, size: int) -> Weights:
    """As many as have `size` bytes packed; as many bytes of the others."""
    dtype = _DTYPES.get(encoding, torch.bfloat16)
    first = torch.randn(outputs, columns).to(dtype)
    packed = [_packed(first, encoding)]
    packed += [_copy(packed[0]) for _ in range(size // packed[0].nbytes)]
    plain = [first, *(first.clone() for _ in range(size // first.nbytes))]
    reordered = [torch.ops.mkldnn._reorder_linear_weight(weight) for weight in plain]
    return Weights(packed, plain, reordered)


def measure(
    encoding: str, weights: Weights, rows: int, turns: int, clock: Clock
) -> tuple[str, ...]:
    """One line of the table."""
    if rows > _FEW_ROWS:
        weights = Weights(*(few[:1] for few in weights))
    outputs, columns = weights.plain[0].shape
    x = torch.randn(rows, columns).to(weights.plain[0].dtype)
    product = _product(encoding, x, outputs)
    onednn = torch.ops.mkldnn._linear_pointwise
    arithmetic = _DTYPES.get(encoding, torch.int8)
    seconds = take_turns(
        turns,
        clock,
        read=lambda: [read_rate(weight) for weight in weights.packed],
        peak=lambda: run_peak_arithmetic(arithmetic),
        ours=lambda: [product(weight) for weight in weights.packed],
        torch=lambda: [F.linear(x, weight) for weight in weights.plain],
        onednn=lambda: [onednn(x, weight, None, "none", [], "") for weight in weights.reordered],
    )
    ours = seconds["ours"] / len(weights.packed)
    operations = 2 * rows * outputs * columns / ours
    others = (seconds[name] / len(weights.plain) / ours for name in ("torch", "onednn"))
    return (
        str(rows),
        number(ours * 1e6),
        number(weights.packed[0].nbytes / ours / 1e9),
        f"{seconds['read'] / seconds['ours']:.0%}",
        f"{operations / 1e12:.3f}",
        f"{operations * seconds['peak'] / run_peak_arithmetic(arithmetic):.0%}",
        *(f"{other:.2f} x" for other in others),
    )


def _packed(weight: torch.Tensor, encoding: str) -> torch.Tensor:
    rows, columns = weight.shape
    if encoding in BLOCK_UNITS:
        row_bytes = QuantizationEncoding(encoding).row_bytes(columns)
        # Of bytes that stand for ordinary numbers wherever a scale may be.
        weight = torch.full((rows, row_bytes), 0x2C, dtype=torch.uint8)
    panels = Panels(rows, columns, encoding)
    packed = empty_in_huge_pages([panels.nbytes], torch.uint8)
    panels.place(weight, packed)
    return packed


def _copy(packed: torch.Tensor) -> torch.Tensor:
    return empty_in_huge_pages(packed.shape, packed.dtype).copy_(packed)


def _product(encoding: str, x: torch.Tensor, outputs: int) -> Callable[[torch.Tensor], object]:
    return lambda weight: packed_linear(x, [weight], [None], [outputs], [encoding])


if __name__ == "__main__":
    main()
