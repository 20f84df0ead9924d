"""Threads for what takes long with text, so that an event loop goes on meanwhile.

Little work and much work have lanes of their own: what is short does not wait for what is long, and
however much is asked for, no more of it runs at once than there are threads. Work whose caller has
gone before it began is not begun.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from max.pipelines.modeling.types import TextGenerationRequestMessage

T = TypeVar("T")

# Characters or tokens. A tokenizer takes about a microsecond for each: less is done at once.
LONG_TEXT = 2_000
_VERY_LONG_TEXT = 64_000
_MANY_MESSAGES = 64

_LITTLE = ThreadPoolExecutor(2, thread_name_prefix="tokenize")
_MUCH = ThreadPoolExecutor(1, thread_name_prefix="tokenize-long")
_FEW_MESSAGES_LANE = ThreadPoolExecutor(1, thread_name_prefix="render")
_MANY_MESSAGES_LANE = ThreadPoolExecutor(1, thread_name_prefix="render-long")


async def tokenizing(work: Callable[[], T], size: int) -> T:
    """The result of work on so many characters or tokens."""
    lane = _LITTLE if size <= _VERY_LONG_TEXT else _MUCH
    return await asyncio.get_running_loop().run_in_executor(lane, work)


async def rendering(work: Callable[[], T], messages: Sequence[TextGenerationRequestMessage]) -> T:
    """The result of work on a conversation."""
    is_little = len(messages) <= _MANY_MESSAGES
    lane = _FEW_MESSAGES_LANE if is_little else _MANY_MESSAGES_LANE
    return await asyncio.get_running_loop().run_in_executor(lane, work)
