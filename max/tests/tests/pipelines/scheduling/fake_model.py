"""A model without weights, which reads and writes the paged cache as a real one does.

Its next token is a checksum of all tokens before it, read back from the pages: a page that was
given to two requests, lost or found for the wrong prefix changes the answer. Of layers that see a
window it reads the window, of states what the last step left.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from max.driver import CPU
from max.dtype import DType
from max.graph import DeviceRef
from max.nn.kv_cache import CacheGroup, KeyValue, MultiKVCacheParams, Slot, Window
from max.pipelines.context import (
    EOSTracker,
    GenerationStatus,
    TextContext,
    TextGenerationOutput,
    TokenBuffer,
)
from max.pipelines.kv_cache import PagedKVCacheManager
from max.pipelines.modeling.types import RequestID, TextGenerationInputs

VOCABULARY = 29
EOS = 0


def next_token(tokens: Sequence[int] | npt.NDArray[np.int64]) -> int:
    """The model: from all tokens so far to the next one."""
    return zlib.crc32(np.array(tokens, dtype=np.int64).tobytes()) % VOCABULARY


def solo_answer(prompt: Sequence[int], max_length: int) -> list[int]:
    """What a request gets when it runs alone and without a cache."""
    tokens = list(prompt)
    while len(tokens) < max_length:
        tokens.append(next_token(tokens))
        if tokens[-1] == EOS:
            break
    return tokens[len(prompt) :]


ONE_GROUP = (CacheGroup("all", (0,), KeyValue(DType.float32, 1, 1)),)


def make_manager(
    total_num_pages: int,
    *,
    page_size: int = 4,
    caching: bool = False,
    groups: tuple[CacheGroup, ...] = ONE_GROUP,
    step_tokens: int | None = None,
) -> PagedKVCacheManager:
    params = MultiKVCacheParams(groups, [DeviceRef.CPU()], caching, page_size)
    return PagedKVCacheManager(params, total_num_pages, CPU(), step_tokens=step_tokens)


def make_context(
    prompt: Iterable[int], max_length: int = 12, name: str | None = None, salt: str | None = None
) -> TextContext:
    return TextContext(
        max_length=max_length,
        tokens=TokenBuffer(prompt),
        request_id=RequestID(name),
        eos_tracker=EOSTracker(eos_token_ids=frozenset({EOS})),
        cache_salt=salt,
    )


class FakePipeline:
    """Runs steps of the model above through a manager's pages."""

    def __init__(self, manager: PagedKVCacheManager) -> None:
        self._manager = manager

    def execute(
        self, inputs: TextGenerationInputs[TextContext]
    ) -> dict[RequestID, TextGenerationOutput]:
        """One step: writes the active tokens into the pages, reads all back, samples."""
        params = self._manager.params
        cache = self._manager.runtime_inputs(inputs.batches).inputs[0]
        for layer in params.layout.places:
            where = cache.layer(layer)
            (group,) = (group for group in params.groups if layer in group.layers)
            blocks = where.values.kv_blocks.to_numpy()
            lookup = where.values.lookup_table.to_numpy()
            rows = list(zip(inputs.flat_batch, lookup, strict=True))
            if isinstance(group.keep, Slot):
                for ctx, pages in rows:
                    _carry(blocks[:, where.index], pages, ctx)
                continue
            for ctx, pages in rows:
                _write(blocks[:, :, where.index], pages, ctx)
            for ctx, pages in rows:
                _check(blocks[:, :, where.index], pages, ctx, group)
        outputs = {ctx.request_id: _sample(ctx) for ctx in inputs.flat_batch}
        self._manager.step(inputs.batches)
        return outputs


Slots = npt.NDArray[np.float32]
Pages = npt.NDArray[np.uint32]


def _write(slots: Slots, pages: Pages, ctx: TextContext) -> None:
    """Writes tokens and positions to slots [pages, 2, page_size, 1, 1]."""
    page_size = slots.shape[2]
    for position, token in enumerate(ctx.tokens.active.tolist(), ctx.tokens.processed_length):
        page = pages[position // page_size]
        assert page != 0, f"{ctx.request_id} writes token {position} to the null page"
        slots[page, :, position % page_size, 0, 0] = token, position


def _check(slots: Slots, pages: Pages, ctx: TextContext, group: CacheGroup) -> None:
    """Reads what the first active token sees, and all after it."""
    start = ctx.tokens.processed_length
    first = max(0, start - group.keep.tokens + 1) if isinstance(group.keep, Window) else 0
    page_size = slots.shape[2]
    for i in range(first, start + ctx.tokens.active_length):
        token, position = slots[pages[i // page_size], :, i % page_size, 0, 0].tolist()
        assert (token, position) == (ctx.tokens.all[i], i), f"{ctx.request_id} in {group.name}"


def _carry(states: Slots, pages: Pages, ctx: TextContext) -> None:
    """Reads the checksum of the tokens before, writes that of the tokens after the step."""
    start = ctx.tokens.processed_length
    before, after = pages.tolist()
    assert after != 0
    if start:
        assert states[before].tolist() == [next_token(ctx.tokens.all[:start]), start]
    end = start + ctx.tokens.active_length
    states[after] = next_token(ctx.tokens.all[:end]), end


def _sample(ctx: TextContext) -> TextGenerationOutput:
    tokens = []
    if ctx.tokens.is_complete_after_step:
        tokens.append(next_token(ctx.tokens.all))
        ctx.update(tokens[0])
    ctx.tokens.advance()
    status = ctx.status if tokens else GenerationStatus.ACTIVE
    return TextGenerationOutput(ctx.request_id, tokens, status)
