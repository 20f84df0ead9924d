"""A request's tokens, and how far the model has got with them.

    |<------- prompt ------->|<--- generated --->|
    +------------------------+-------------------+----- - - -
    |                 all (length = len)         | spare room
    +----------------+--------------+------------+----- - - -
    |<- processed -->|<-- active -->|<- later -->|
    |  KV in cache   |  this step   |

The one rule: each step lets `processed_length` catch up with `len` by `active_length` tokens.
Chunked prefill, prefix hits, decoding and preemption are all that rule.

While a step runs (`launch` .. `collect`), its tokens count as processed but not as computed, and a
token that it will give is pending: it has its place, and stands for nothing until `fill`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Tokens: TypeAlias = NDArray[np.int64]

_SPARE_TOKENS = 64


class TokenBuffer:
    """A growing row of token ids with the bookkeeping of what has been processed.

    All of its state besides progress is `(all, prompt_length)`, from which it can be rebuilt.
    `all`, `prompt`, `generated` and `active` are views: valid until the next `append`.
    """

    __slots__ = (
        "_active",
        "_computed",
        "_length",
        "_num_pending",
        "_processed",
        "_prompt_length",
        "_tokens",
    )

    def __init__(self, tokens: Tokens | Iterable[int], prompt_length: int | None = None) -> None:
        """Makes the buffer; nothing is processed yet.

        Args:
            tokens: Token ids, `int64[n]` with n of at least 1: the prompt, and after it what was
                generated earlier.
            prompt_length: How many of them are prompt; all, when not given.

        Raises:
            ValueError: If there is no token, or the prompt length does not fit.
        """
        given = tokens if isinstance(tokens, np.ndarray) else np.fromiter(tokens, np.int64)
        if given.ndim != 1 or given.size == 0:
            raise ValueError(
                f"Tokens have shape {given.shape}; allowed is [n] with n of 1 or more."
            )
        prompt_length = given.size if prompt_length is None else prompt_length
        if not 1 <= prompt_length <= given.size:
            raise ValueError(f"prompt_length is {prompt_length}; allowed is 1 to {given.size}.")
        self._tokens: Tokens = np.empty(given.size + _SPARE_TOKENS, np.int64)
        self._tokens[: given.size] = given
        self._length = int(given.size)
        self._prompt_length = int(prompt_length)
        self._processed = 0
        self._computed = 0
        self._num_pending = 0
        self._active = self._length

    def __len__(self) -> int:
        """The number of tokens, prompt and generated."""
        return self._length

    def __repr__(self) -> str:
        """The buffer's lengths."""
        return (
            f"TokenBuffer(length={self._length}, prompt_length={self._prompt_length}, "
            f"processed_length={self._processed}, active_length={self._active})"
        )

    @property
    def all(self) -> Tokens:
        """Every token."""
        return self._tokens[: self._length]

    @property
    def prompt(self) -> Tokens:
        """The tokens that the caller gave."""
        return self._tokens[: self._prompt_length]

    @property
    def generated(self) -> Tokens:
        """The tokens that the model gave."""
        return self._tokens[self._prompt_length : self._length]

    @property
    def active(self) -> Tokens:
        """The tokens that the coming step processes."""
        return self._tokens[self._processed : self._processed + self._active]

    @property
    def prompt_length(self) -> int:
        """The number of prompt tokens."""
        return self._prompt_length

    @property
    def generated_length(self) -> int:
        """The number of generated tokens."""
        return self._length - self._prompt_length

    @property
    def processed_length(self) -> int:
        """How many tokens have their keys and values in the cache."""
        return self._processed

    @property
    def computed_length(self) -> int:
        """As `processed_length`, without the tokens of steps that are not collected."""
        return self._computed

    @property
    def num_pending(self) -> int:
        """How many of the last tokens are not known yet."""
        return self._num_pending

    @property
    def known_length(self) -> int:
        """How many tokens are known: all but the pending ones."""
        return self._length - self._num_pending

    @property
    def active_length(self) -> int:
        """How many tokens the coming step processes."""
        return self._active

    @property
    def remaining_length(self) -> int:
        """How many tokens are not processed yet, those of the coming step included."""
        return self._length - self._processed

    @property
    def is_complete_after_step(self) -> bool:
        """Whether the coming step processes the last token, so that its logits are sampled."""
        return self._processed + self._active == self._length

    def chunk(self, num_tokens: int) -> None:
        """Lets the coming step process at most `num_tokens` tokens.

        Raises:
            ValueError: If `num_tokens` is below 1.
        """
        if num_tokens < 1:
            raise ValueError(f"A chunk has {num_tokens} tokens; allowed is 1 or more.")
        self._active = min(num_tokens, self.remaining_length)

    def advance(self) -> None:
        """Counts the active tokens as processed, and makes the rest active."""
        self.collect(self.launch())

    def launch(self) -> int:
        """Counts the active tokens as processed while they are being computed.

        Returns:
            The processed length then, for `collect`.
        """
        self._processed += self._active
        self._active = self._length - self._processed
        return self._processed

    def collect(self, processed_length: int) -> None:
        """Counts the tokens of a launched step as computed."""
        self._computed = processed_length

    def append_pending(self) -> None:
        """Keeps a place for the token that a launched step will give, as `append` would."""
        self.append(0)
        self._num_pending += 1

    def fill(self, token: int) -> int:
        """Puts the oldest pending token in its place; returns the known length then."""
        place = self._length - self._num_pending
        self._tokens[place] = token
        self._num_pending -= 1
        return place + 1

    def drop_pending(self) -> None:
        """Gives up the pending tokens: the answer ended before them."""
        self._length -= self._num_pending
        self._num_pending = 0

    def append(self, token: int) -> None:
        """Adds a generated token. It becomes active once everything before it is processed.

        `append` and `advance` of one step may come in either order.
        """
        if self._length == self._tokens.size:
            grown: Tokens = np.empty(2 * self._tokens.size, np.int64)
            grown[: self._length] = self._tokens
            self._tokens = grown
        self._tokens[self._length] = token
        self._length += 1
        if self._active == 0:
            self._active = self.remaining_length

    def skip(self, num_tokens: int) -> None:
        """Counts tokens as processed because a prefix hit found them in the cache.

        Raises:
            ValueError: If that would leave no token to process: the last one gives the logits.
        """
        if not 0 <= num_tokens < self.remaining_length:
            raise ValueError(
                f"Cannot skip {num_tokens} tokens; allowed is 0 to {self.remaining_length - 1} "
                f"({self!r})."
            )
        self._processed += num_tokens
        self._computed = self._processed
        self._active = self.remaining_length

    def rewind(self) -> None:
        """Forgets all progress: every token, generated ones too, is processed again."""
        self._processed = 0
        self._computed = 0
        self._active = self._length
