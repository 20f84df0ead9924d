"""Where the rows of a ragged batch belong; see `max.kernels.paging`."""

from __future__ import annotations

from max.kernels.gpu.language import Pointer, Size, Value, gpu_function, tl


@gpu_function
def request_of(row: Value, offsets: Pointer, batch: Size, PER_BLOCK: tl.constexpr) -> Value:
    """The request of a row; with blocks of PER_BLOCK rows, that of a block.

    Each request has blocks of its own: block `offsets[i] // PER_BLOCK + i` is the first that
    request i may have.
    """
    low = 0
    high = batch
    while low < high:
        middle = (low + high) // 2
        first = tl.load(offsets + middle).to(tl.int32) // PER_BLOCK
        if PER_BLOCK > 1:
            first += middle
        if first <= row:
            low = middle + 1
        else:
            high = middle
    return low - 1
