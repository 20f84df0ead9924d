"""Threads for what takes long with text, so that an event loop goes on meanwhile.

Little work and much work have lanes of their own: what is short does not wait for what is long, and
however much is asked for, no more of it runs at once than there are threads. Work whose caller has
gone before it began is not begun.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

# Characters or tokens. A tokenizer takes about a microsecond for each: less is done at once.
LONG_TEXT = 2_000
_VERY_LONG_TEXT = 64_000
# Of what a template gets; a list or an object counts as so many characters.
_MUCH_TO_RENDER = 64_000
_CONTAINER = 64

_LITTLE = ThreadPoolExecutor(2, thread_name_prefix="tokenize")
_MUCH = ThreadPoolExecutor(1, thread_name_prefix="tokenize-long")
_RENDERING_LITTLE = ThreadPoolExecutor(1, thread_name_prefix="render")
_RENDERING_MUCH = ThreadPoolExecutor(1, thread_name_prefix="render-long")


async def tokenizing(work: Callable[[], T], size: int) -> T:
    """The result of work on so many characters or tokens."""
    lane = _LITTLE if size <= _VERY_LONG_TEXT else _MUCH
    return await asyncio.get_running_loop().run_in_executor(lane, work)


async def rendering(work: Callable[[], T], messages: Sequence[object], *variables: object) -> T:
    """The result of work on a conversation.

    Args:
        work: Renders it.
        messages: Of the conversation.
        variables: What else a template gets.
    """
    is_much = _is_much([*map(vars, messages), *variables])
    lane = _RENDERING_MUCH if is_much else _RENDERING_LITTLE
    return await asyncio.get_running_loop().run_in_executor(lane, work)


def _is_much(values: Sequence[object]) -> bool:
    """Whether texts, lists and objects have more than `_MUCH_TO_RENDER` characters."""
    size, left = 0, list(values)
    while left and size <= _MUCH_TO_RENDER:
        value = left.pop()
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, dict | list):
            size += _CONTAINER + len(value)
            left.extend(value.values() if isinstance(value, dict) else value)
    return size > _MUCH_TO_RENDER
