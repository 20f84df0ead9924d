"""How many pages windowed layers hold, and what is left of them for others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from max.driver import CPU
from max.dtype import DType
from max.graph import DeviceRef
from max.nn.kv_cache import KVCacheParams
from max.pipelines.context import TextContext, TokenBuffer
from max.pipelines.kv_cache import PagedKVCacheManager, PagedMemoryPlanner
from max.pipelines.modeling.types import RequestID

TOKENS = 16_384
STEP = 256
# Six layers, five of which see 512 tokens, as Gemma 3 has them.
WINDOWS = [512, 512, 512, 512, 512, None]
PARAMS = KVCacheParams(
    DType.float32, 1, 2, len(WINDOWS), [DeviceRef.CPU()], enable_prefix_caching=True
)


def make_manager(num_pages: int, *, windows: bool = True) -> PagedKVCacheManager:
    params = PARAMS.with_windows(WINDOWS) if windows else PARAMS
    return PagedKVCacheManager(params, num_pages, CPU(), step_tokens=STEP)


def make_context(length: int = TOKENS, name: str = "a") -> TextContext:
    return TextContext(
        max_length=2 * TOKENS, tokens=TokenBuffer(range(length)), request_id=RequestID(name)
    )


def run_prompt(manager: PagedKVCacheManager, ctx: TextContext) -> Iterator[int]:
    """Computes a prompt as the scheduler does; gives the bytes that are held in each step."""
    manager.claim(ctx.request_id)
    manager.reuse_prefix(ctx)
    while ctx.tokens.processed_length < len(ctx.tokens):
        ctx.tokens.chunk(ctx.tokens.remaining_length)
        assert manager.try_alloc(ctx).fits
        ctx.tokens.chunk(STEP)
        manager.runtime_inputs([[ctx]])
        yield manager.metrics.num_used_pages * manager.params.bytes_per_block
        ctx.tokens.advance()
        manager.step([[ctx]])
        manager.check_integrity()


def test_a_quarter_of_the_pages_of_a_full_cache_is_enough() -> None:
    plain, windowed = make_manager(128, windows=False), make_manager(1000)
    full = max(run_prompt(plain, make_context()))
    held = max(run_prompt(windowed, make_context()))
    assert full == TOKENS * 2 * len(WINDOWS) * 2 * 4
    promised = windowed.pages_for(TOKENS) * windowed.params.bytes_per_block
    assert held <= promised <= full / 4


def test_a_pool_of_just_what_is_promised_is_enough() -> None:
    pages = make_manager(1).pages_for(TOKENS)
    manager = make_manager(pages)
    assert pages == TOKENS // 128 + 5 * ((512 + STEP - 3) // 128 + 2)
    list(run_prompt(manager, make_context()))
    manager.release("a")
    assert manager.num_free_pages == pages


def test_a_prefix_is_found_as_far_as_its_windows_are() -> None:
    """The pages that a request gave away are found as long as nobody took them."""
    manager = make_manager(2000)
    list(run_prompt(manager, make_context()))
    manager.release("a")
    branch = make_context(5000, "b")
    manager.claim("b")
    assert manager.reuse_prefix(branch) == 4992
    held = 4992 // 128 + 5 * 4
    assert manager.metrics.num_used_pages == held
    manager.check_integrity()


def test_decoding_holds_a_steady_number_of_pages() -> None:
    manager = make_manager(1000)
    ctx = make_context(2000)
    list(run_prompt(manager, ctx))
    held = set()
    for token in range(1000):
        ctx.tokens.append(token)
        assert manager.try_alloc(ctx).fits
        held.add(manager.metrics.num_used_pages - -(-len(ctx.tokens) // 128))
        ctx.tokens.advance()
        manager.step([[ctx]])
    assert held <= {5 * 4, 5 * 5}
    manager.check_integrity()


@pytest.mark.parametrize("step_tokens", [STEP, None])
def test_the_memory_plan_counts_windows(step_tokens: int | None) -> None:
    params = PARAMS.with_windows(WINDOWS)
    plan = PagedMemoryPlanner(1.0).plan(
        params,
        CPU(),
        max_length=TOKENS,
        max_batch_size=4,
        step_tokens=step_tokens,
        available_bytes=10**9,
    )
    # A step of a whole prompt needs the pages of all its tokens once.
    assert plan.pages_of_request == (128 + 5 * 7 if step_tokens else 6 * 128)
    assert plan.total_num_pages == 4 * plan.pages_of_request
    assert plan.max_cached_tokens == 4 * TOKENS
