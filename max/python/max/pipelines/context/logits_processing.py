"""How a caller's function sees and changes logits before a token is chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from max.driver import Buffer
    from max.pipelines.context.text_context import TextContext


@dataclass(frozen=True)
class ProcessorInputs:
    """What a logits processor is called with.

    Attributes:
        logits: `float32[n, vocab_size]`; the last row gives the next token. Changes made in place
            count, and the processor may keep the buffer: nobody changes it afterwards.
        context: The request's state before the token is chosen; read only.
    """

    logits: Buffer
    context: TextContext


LogitsProcessor: TypeAlias = Callable[[ProcessorInputs], None]
