"""What goes into a model and comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from max.driver import Buffer
from max.nn.kv_cache import KVCacheInputs


class DecodeChanges(NamedTuple):
    """What the inputs of a decoding step have to change to be those of the next one.

    That is of the same requests, a token of each, whose pages are the same. All share their memory
    with the inputs.

    Attributes:
        tokens: int64 [batch], which becomes the tokens of that step.
        growing: numbers that become one more.
    """

    tokens: NDArray[np.int64]
    growing: Sequence[NDArray[Any]]


@dataclass(kw_only=True)
class ModelInputs:
    """The inputs of one step. Models subclass it.

    Args:
        kv_cache_inputs: the cache's tensors, for models that have one.
        hidden_states: of another model, for models that continue it.
        lora: int32 [rows, 1], the slot of each row's adapter, 0 for none; for models that take
            adapters.
    """

    kv_cache_inputs: KVCacheInputs[Buffer] | None = None
    hidden_states: Buffer | None = None
    lora: Buffer | None = None

    def update(self, **fields: Any) -> None:
        """Sets fields that exist; ignores values of None.

        Raises:
            AttributeError: for a name that is no field.
        """
        for name, value in fields.items():
            if not hasattr(self, name):
                raise AttributeError(f"{type(self).__name__} has no field '{name}'")
            if value is not None:
                setattr(self, name, value)

    @property
    def decode_changes(self) -> DecodeChanges | None:
        """How these, of requests of one token each, become the next step's; None for inputs that
        are made anew for each step."""
        return None

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """The graph's inputs in order. A subclass that uses it defines it."""
        raise NotImplementedError(f"{type(self).__name__} does not define buffers")

    @property
    def all_buffers(self) -> tuple[Buffer, ...]:
        """`buffers`, and `lora` behind them where there is one."""
        return self.buffers if self.lora is None else (*self.buffers, self.lora)


@dataclass(frozen=True)
class ModelOutputs:
    """The outputs of one step.

    Args:
        logits: float32 [rows, vocab]; the next tokens' logits when only those were asked for.
        next_token_logits: float32 [batch, vocab].
        logit_offsets: [batch + 1], each request's rows of `logits`.
        hidden_states: those that were asked for.
    """

    logits: Buffer
    next_token_logits: Buffer | None = None
    logit_offsets: Buffer | None = None
    hidden_states: Buffer | None = None
