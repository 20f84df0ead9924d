"""Where the rows of a ragged batch belong; see `max.kernels.paging`.

Blocks of rows are counted without asking the device: of `rows // PER_BLOCK + batch` blocks each
request has those that it needs, and the others belong to nobody.
"""

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


@gpu_function
def first_of_block(block: Value, first: Value, request: Value, PER_BLOCK: tl.constexpr) -> Value:
    """Which of a request's rows a block begins with; as many as it has or more: there is none.

    Args:
        block: see `request_of`.
        first: `offsets[request]`.
        request: of the block.
        PER_BLOCK: see `request_of`.
    """
    if PER_BLOCK == 1:
        return block - first
    else:
        return (block - first // PER_BLOCK - request) * PER_BLOCK
