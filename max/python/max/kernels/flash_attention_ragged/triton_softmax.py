"""One query block's way through the tiles of keys: scores, running softmax, values."""

from __future__ import annotations

from max.kernels.gpu.language import Number, Pointer, Value, gpu_function, tl


@gpu_function
def scores_of(
    queries: Value, keys: Value, scale: Number, softcap: Number, HAS_CAP: tl.constexpr
) -> Value:
    """Scores in units of log 2, [rows, keys]: `2 ** score` is what softmax takes e to the power of.

    Args:
        queries: [rows, elements].
        keys: [elements, keys].
        scale: factor of the scores.
        softcap: see `flash_attention_ragged_reference`.
        HAS_CAP: whether there is one.
    """
    scores = tl.dot(queries, keys, input_precision="ieee") * scale
    if HAS_CAP:
        scores = softcap * (2.0 * tl.sigmoid(2.0 * scores / softcap) - 1.0)
    return scores * 1.4426950408889634


@gpu_function
def bias_of(bias: Pointer, head: Value, distance: Value, span: Value) -> Value:
    """What rows of heads [rows] add to scores at distances [rows, keys], in units of log 2."""
    nearest = tl.minimum(tl.maximum(distance, -span), span)
    place = head[:, None] * (2 * span + 1) + nearest + span
    return tl.load(bias + place) * 1.4426950408889634


@gpu_function
def is_seen(
    key: Value,
    position: Value,
    window: Value,
    chunk: Value,
    CAUSAL: tl.constexpr,
    HAS_WINDOW: tl.constexpr,
    HAS_CHUNK: tl.constexpr,
) -> Value:
    """Whether rows at positions [rows, 1] see keys [1, keys]."""
    seen = (key >= 0) & (position >= 0)
    if CAUSAL:
        seen = seen & (key <= position)
    if HAS_WINDOW:
        seen = seen & (position - key < window)
    if HAS_CHUNK:
        seen = seen & (position // chunk == key // chunk)
    return seen


@gpu_function
def largest_of(old: Value, scores: Value) -> Value:
    """The largest score so far of each row."""
    return tl.maximum(old, tl.max(scores, 1))


@gpu_function
def finite(largest: Value) -> Value:
    """What can be subtracted from -inf: the largest score, 0 where there is none yet."""
    return tl.where(largest == float("-inf"), 0.0, largest)


@gpu_function
def slots_of(
    lookup: Pointer,
    key: Value,
    exists: Value,
    page_stride: Value,
    token_stride: Value,
    PAGE_SIZE: tl.constexpr,
    TILE: tl.constexpr,
    start: Value,
) -> Value:
    """Where tokens [keys] of a request are in the cache, in elements, int64.

    A tile that never crosses a page has one page number to look up.
    """
    if PAGE_SIZE % TILE == 0:
        page = tl.load(lookup + start // PAGE_SIZE).to(tl.int64)
    else:
        page = tl.load(lookup + key // PAGE_SIZE, mask=exists, other=0).to(tl.int64)
    return page * page_stride + (key % PAGE_SIZE) * token_stride
