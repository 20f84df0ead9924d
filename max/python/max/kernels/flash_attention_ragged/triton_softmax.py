"""One query block's way through the tiles of keys: scores, running softmax, values."""

from __future__ import annotations

from max.kernels.gpu.language import Number, Pointer, Value, gpu_function, tl


@gpu_function
def scores_of(
    queries: Value, keys: Value, scale: Value, softcap: Number, HAS_CAP: tl.constexpr
) -> Value:
    """Scores in units of log 2, [rows, keys]: `2 ** score` is what softmax takes e to the power of.

    Args:
        queries: [rows, elements].
        keys: [elements, keys].
        scale: factor of the scores, or of each key's, [1, keys].
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
def seen_range(
    first: Value,
    last: Value,
    tokens: Value,
    window: Value,
    chunk: Value,
    part: Value,
    CAUSAL: tl.constexpr,
    HAS_WINDOW: tl.constexpr,
    HAS_CHUNK: tl.constexpr,
    SPLITS: tl.constexpr,
    BLOCK_N: tl.constexpr,
) -> tuple[Value, Value]:
    """The keys that any row at positions `first` to `last` sees, from a tile's begin, to an end.

    Args:
        first: position of the first row.
        last: position of the last row.
        tokens: that the request has.
        window: how far back a row sees.
        chunk: size of the blocks of positions.
        part: which of SPLITS parts of them.
        CAUSAL: see `flash_attention_ragged_reference`.
        HAS_WINDOW: whether there is one.
        HAS_CHUNK: whether there are.
        SPLITS: in how many parts they are read.
        BLOCK_N: keys of a tile.
    """
    begin = tl.full([], 0, tl.int32)
    end = tokens
    if CAUSAL:
        end = tl.minimum(end, last + 1)
    if HAS_WINDOW:
        begin = tl.maximum(begin, first - window + 1)
    if HAS_CHUNK:
        begin = tl.maximum(begin, first // chunk * chunk)
        end = tl.minimum(end, (last // chunk + 1) * chunk)
    begin = begin // BLOCK_N * BLOCK_N
    if SPLITS > 1:
        per_part = tl.cdiv(tl.cdiv(end - begin, BLOCK_N), SPLITS) * BLOCK_N
        begin += part * per_part
        end = tl.minimum(end, begin + per_part)
    return begin, end


@gpu_function
def factors_at(place: Value, mask: Value) -> Value:
    """The factors of vectors in the cache, which begin at bytes there."""
    return tl.load(place.to(tl.pointer_type(tl.float32)), mask=mask, other=1.0)


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
