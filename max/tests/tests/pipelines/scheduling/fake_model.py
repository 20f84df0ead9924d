"""A model without weights, which reads and writes the paged cache as a real one does.

Its next token is a checksum of all tokens before it, read back from the pages: a page that was
given to two requests, lost or found for the wrong prefix changes the answer.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from max.driver import CPU
from max.dtype import DType
from max.graph import DeviceRef
from max.nn.kv_cache import KVCacheParams
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


def next_token(tokens: Sequence[int]) -> int:
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


def make_manager(
    total_num_pages: int, *, page_size: int = 4, caching: bool = False
) -> PagedKVCacheManager:
    params = KVCacheParams(
        dtype=DType.float32,
        n_kv_heads=1,
        head_dim=1,
        num_layers=1,
        devices=[DeviceRef.CPU()],
        enable_prefix_caching=caching,
        page_size=page_size,
    )
    return PagedKVCacheManager(params, total_num_pages, CPU())


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
        cache = self._manager.runtime_inputs(inputs.batches).inputs[0]
        slots = cache.kv_blocks.to_numpy().reshape(len(cache.kv_blocks), 2, -1)
        batch = list(
            zip(
                inputs.flat_batch,
                cache.lookup_table.to_numpy(),
                cache.cache_lengths.to_numpy(),
                strict=True,
            )
        )
        for ctx, pages, start in batch:
            _write(slots, pages, int(start), ctx.tokens.active)
        outputs = {}
        for ctx, pages, start in batch:
            cached = _read(slots, pages, int(start) + ctx.tokens.active_length)
            assert cached == ctx.tokens.all[: len(cached)].tolist(), ctx.request_id
            outputs[ctx.request_id] = _sample(ctx, cached)
        self._manager.step(inputs.batches)
        return outputs


Slots = npt.NDArray[np.float32]
Pages = npt.NDArray[np.uint32]


def _write(slots: Slots, pages: Pages, start: int, tokens: Iterable[int]) -> None:
    page_size = slots.shape[-1]
    for position, token in enumerate(tokens, start):
        slots[pages[position // page_size], :, position % page_size] = token, position


def _read(slots: Slots, pages: Pages, length: int) -> list[int]:
    page_size = slots.shape[-1]
    cells = [slots[pages[i // page_size], :, i % page_size] for i in range(length)]
    assert [int(position) for _, position in cells] == list(range(length))
    return [int(token) for token, _ in cells]


def _sample(ctx: TextContext, cached: list[int]) -> TextGenerationOutput:
    tokens = []
    if ctx.tokens.is_complete_after_step:
        tokens.append(next_token(cached))
        ctx.update(tokens[0])
    ctx.tokens.advance()
    status = ctx.status if tokens else GenerationStatus.ACTIVE
    return TextGenerationOutput(ctx.request_id, tokens, status)
