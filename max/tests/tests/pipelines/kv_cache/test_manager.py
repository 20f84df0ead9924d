"""The manager's documented surface: the manual loop, its tensors, its errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.graph import DeviceRef
from max.nn.kv_cache import KVCacheParams
from max.pipelines.context import TextContext, TokenBuffer
from max.pipelines.kv_cache import InsufficientBlocksError, PagedKVCacheManager
from max.pipelines.kv_cache.rules import WindowPages
from max.pipelines.modeling.types import RequestID


def make_manager(
    total_num_pages: int = 8, *, caching: bool = False, max_batch_size: int | None = None
) -> PagedKVCacheManager:
    params = KVCacheParams(
        dtype=DType.float32,
        n_kv_heads=2,
        head_dim=8,
        num_layers=3,
        devices=[DeviceRef.CPU()],
        enable_prefix_caching=caching,
        page_size=4,
    )
    return PagedKVCacheManager(params, total_num_pages, CPU(), max_batch_size=max_batch_size)


def make_context(length: int, name: str = "a") -> TextContext:
    return TextContext(
        max_length=100, tokens=TokenBuffer(range(length)), request_id=RequestID(name)
    )


def test_the_manual_loop() -> None:
    manager = make_manager()
    ctx = make_context(6)
    manager.claim(ctx.request_id, replica_idx=0)
    assert manager.contains(ctx.request_id)
    for token in range(6, 12):
        manager.alloc(ctx, replica_idx=0)
        inputs = manager.runtime_inputs([[ctx]]).inputs[0]
        assert np.count_nonzero(inputs.lookup_table.to_numpy()) == -(-token // 4)
        assert inputs.cache_lengths.to_numpy().tolist() == [0 if token == 6 else token - 1]
        ctx.update(token)
        ctx.tokens.advance()
        manager.step([[ctx]])
    manager.check_integrity()
    assert manager.num_free_pages == 8 - 3
    manager.release(ctx.request_id)
    assert manager.num_free_pages == manager.total_num_pages == 8
    assert not manager.contains(ctx.request_id)


def test_the_tensors_of_a_step() -> None:
    manager = make_manager()
    ctx = make_context(6)
    manager.claim("a")
    manager.alloc(ctx)
    inputs = manager.runtime_inputs([[ctx]])
    kv_blocks, cache_lengths, lookup_table, max_prompt, max_cache = inputs.flatten()
    assert kv_blocks.tensor.data_ptr() == manager.kv_blocks[0].tensor.data_ptr()
    assert kv_blocks.shape == (1 + 8, 2, 3, 4, 2, 8)
    small = (cache_lengths, lookup_table, max_prompt, max_cache)
    assert {buffer.tensor.dtype for buffer in small} == {torch.uint32}
    assert lookup_table.to_numpy().tolist() == [[1, 2, 0, 0, 0, 0, 0, 0]]
    assert (max_prompt.to_numpy().tolist(), max_cache.to_numpy().tolist()) == ([6], [6])


def test_alloc_finds_the_prefix_of_an_earlier_request() -> None:
    manager = make_manager(caching=True)
    for name, found in (("a", 0), ("b", 8)):
        ctx = make_context(10, name)
        manager.claim(name)
        manager.alloc(ctx)
        assert ctx.tokens.processed_length == found
        ctx.tokens.advance()
        manager.step([[ctx]])
        manager.release(name)
    manager.reset_prefix_cache()
    assert manager.metrics.num_cached_pages == 0


@pytest.mark.parametrize(("chunk", "active"), [(1, 1), (5, 5), (6, 6), (7, 6), (14, 6)])
def test_a_prefix_hit_keeps_the_size_of_the_chunk(chunk: int, active: int) -> None:
    manager = make_manager(caching=True)
    first, second = make_context(10, "a"), make_context(14, "b")
    manager.claim("a")
    manager.alloc(first)
    first.tokens.advance()
    manager.step([[first]])
    manager.claim("b")
    second.tokens.chunk(chunk)
    manager.alloc(second)
    assert (second.tokens.processed_length, second.tokens.active_length) == (8, active)


def test_too_few_pages_is_an_error_with_numbers_and_flags() -> None:
    manager = make_manager(total_num_pages=2)
    manager.claim("a")
    with pytest.raises(InsufficientBlocksError) as error:
        manager.alloc(make_context(9))
    assert error.value.result.pages_needed == 3
    for part in ("needs 3 more KV pages to hold 9 tokens", "2 of 2 are free", "--max-batch-size"):
        assert part in str(error.value)
    assert manager.num_free_pages == 2


@pytest.mark.parametrize(("length", "share"), [(4, 1 / 8), (5, 2 / 8), (32, 1.0), (33, 9 / 8)])
def test_share_of_pages_after_an_allocation(length: int, share: float) -> None:
    manager = make_manager()
    manager.claim("a")
    assert manager.get_pct_used_blocks_after_allocation(make_context(length)) == share
    assert manager.num_free_pages == 8


def test_another_replica_is_refused() -> None:
    manager = make_manager()
    with pytest.raises(ValueError, match="replica_idx=1 was given, but there is one replica, 0"):
        manager.claim("a", replica_idx=1)
    manager.claim("a")
    with pytest.raises(ValueError, match="replica_idx=2"):
        manager.alloc(make_context(3), replica_idx=2)
    with pytest.raises(ValueError, match="2 replica batches were given"):
        manager.runtime_inputs([[], []])
    with pytest.raises(ValueError, match="2 replica batches were given"):
        manager.step([[], []])


def test_a_batch_above_the_bound_is_refused() -> None:
    manager = make_manager(max_batch_size=1)
    contexts = [make_context(3, "a"), make_context(3, "b")]
    for ctx in contexts:
        manager.claim(ctx.request_id)
        manager.alloc(ctx)
    manager.runtime_inputs([contexts[:1]])
    with pytest.raises(ValueError, match=r"batch of 2 requests .* at most 1 .*--max-batch-size"):
        manager.runtime_inputs([contexts])


def test_what_a_scheduler_asks() -> None:
    manager = make_manager(caching=True)
    first, second = make_context(10, "a"), make_context(10, "b")
    for ctx in (first, second):
        manager.claim(ctx.request_id)
    assert not manager.is_prefix_coming(second)
    manager.announce_prefix(first)
    assert manager.is_prefix_coming(second)
    assert not manager.covers(first)
    assert manager.try_alloc(first).fits
    assert manager.covers(first)
    assert manager.pages_held("a") == [1, 2, 3]
    first.tokens.advance()
    manager.step([[first]])
    assert manager.reuse_prefix(second) == 8
    assert manager.pages_held("b") == [1, 2]
    assert [manager.pages_for(tokens) for tokens in (8, 9)] == [2, 3]


def test_pages_of_several_steps() -> None:
    manager = make_manager()
    ctx = make_context(8)
    manager.claim("a")
    assert manager.try_alloc(ctx).fits
    assert len(manager.pages_held("a")) == 2
    manager.alloc(ctx, num_steps=2)
    assert len(manager.pages_held("a")) == 3
    last = [manager.runtime_inputs([[ctx]], num_steps=n).flatten()[-1] for n in (1, 2)]
    assert [buffer.to_numpy().tolist() for buffer in last] == [[8], [9]]
    ctx.tokens.chunk(4)
    assert manager.try_alloc(ctx, 5).fits
    assert len(manager.pages_held("a")) == 3


@pytest.mark.parametrize("flying", [1, 2])
def test_pages_of_a_window_are_those_of_the_steps_in_flight(flying: int) -> None:
    params = KVCacheParams(
        dtype=DType.float32,
        n_kv_heads=2,
        head_dim=8,
        num_layers=1,
        devices=[DeviceRef.CPU()],
        page_size=4,
        window=6,
    )
    limits = {} if flying == 1 else {"steps_in_flight": flying}
    manager = PagedKVCacheManager(params, 40, CPU(), step_tokens=20, **limits)
    expected = WindowPages(4, window=6).most_pages(100, 20 * flying)

    assert manager.pages_for(100) == expected < 25
