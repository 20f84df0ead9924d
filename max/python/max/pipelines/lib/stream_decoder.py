"""Text from tokens while they come: never half a character, never the start of a stop string."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, Self

from max.pipelines.lib.tokenizer.anchored_decoder import AnchoredDecoder
from max.pipelines.lib.tokenizer.stop_strings import StopStringMatcher

if TYPE_CHECKING:
    from max.pipelines.context import SamplingParams

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_MOST_CHARACTER_TOKENS = 4  # a character has at most four bytes in UTF-8
_SETTLE_AT = 16


class DecodesAfterText(Protocol):
    """A tokenizer whose output can be decoded piece by piece, such as `TextTokenizer`."""

    @property
    def anchored_decoder(self) -> AnchoredDecoder:
        """Decodes tokens that come after other text."""
        ...


class StreamDecoder:
    """Turns one request's tokens into text while they come.

    The pieces together are the text of all tokens, cut before the first stop string, however the
    tokens are grouped. One exception: byte-fallback tokenizers turn a whole run of byte tokens
    into U+FFFD when any of it is not UTF-8; here, characters that were complete before stay.

    A token costs the same however many came before it.
    """

    def __init__(
        self,
        tokenizer: DecodesAfterText,
        *,
        stop: Sequence[str] = (),
        skip_special_tokens: bool = True,
        min_new_tokens: int = 0,
        continues_text: bool = False,
        hidden_tokens: frozenset[int] | None = None,
    ) -> None:
        """Begins a text.

        Args:
            tokenizer: The tokenizer that gives the tokens their text.
            stop: Texts that end the answer and are not part of it.
            skip_special_tokens: Leave out tokens such as the end of text.
            min_new_tokens: Stop strings count only after the text of this many tokens.
            continues_text: The text goes on from another one, as a completion from its prompt:
                a space that it begins with stays, which SentencePiece takes off whole texts.
            hidden_tokens: The only tokens that are left out, where some special ones are not.

        Raises:
            ValueError: If a stop string is empty.
        """
        self._text = _IncrementalText(
            tokenizer.anchored_decoder,
            skip_special_tokens and hidden_tokens is None,
            started=continues_text,
        )
        self._hidden_tokens = hidden_tokens or frozenset()
        self._matcher = StopStringMatcher(stop)
        self._min_new_tokens = min_new_tokens
        self._num_tokens = 0
        self._text_length = 0

    @classmethod
    def of(
        cls,
        tokenizer: DecodesAfterText,
        params: SamplingParams,
        *,
        continues_text: bool = False,
    ) -> Self:
        """The decoder of a request's answer, which ends where its parameters say."""
        return cls(
            tokenizer,
            stop=params.stop or (),
            min_new_tokens=params.min_new_tokens,
            continues_text=continues_text,
        )

    @property
    def stopped(self) -> str | None:
        """The stop string that ended the text."""
        return self._matcher.stopped

    @property
    def num_tokens(self) -> int:
        """How many tokens were read; those after the stop string are not."""
        return self._num_tokens

    @property
    def text_length(self) -> int:
        """Characters of the tokens so far, not cut; where the next whole character will begin."""
        return self._text_length

    def push(self, tokens: Sequence[int]) -> str:
        """Takes the next tokens; returns the text that is certain now."""
        pieces = []
        for token in tokens:
            if self.stopped is not None:
                break
            self._num_tokens += 1
            text = "" if token in self._hidden_tokens else self._text.push(token)
            self._text_length += len(text)
            searched = self._num_tokens > self._min_new_tokens
            pieces.append(self._matcher.push(text) if searched else text)
        return "".join(pieces)

    def finish(self) -> str:
        """Ends the text; returns what was held back. Half a character becomes U+FFFD."""
        text = self._text.finish()
        self._text_length += len(text)
        return self._matcher.push(text) + self._matcher.finish()


class _IncrementalText:
    """Tokens to text, holding back tokens that end inside a character.

        tokens   | emitted before ... | pending |
        text     | anything           | decoded behind an anchor, emitted when it ends in a
                                        whole character

    At the beginning nothing stands before the pending tokens, so they are decoded without an
    anchor until they give some text: decoders that strip a leading space do it there.
    """

    def __init__(
        self, decoder: AnchoredDecoder, skip_special_tokens: bool, *, started: bool
    ) -> None:
        self._decoder = decoder
        self._skip = skip_special_tokens
        self._pending: list[int] = []
        self._started = started
        self._settle_at = _SETTLE_AT

    def push(self, token: int) -> str:
        self._pending.append(token)
        text = self._decode(self._pending)
        if not text:
            # A token that never gives text need not wait; a leading space that was stripped must.
            if not self._decode_after_text([token]):
                self._pending.pop()
            return ""
        if text.endswith(_REPLACEMENT):
            return self._settle(text) if len(self._pending) >= self._settle_at else ""
        return self._emit(text, [])

    def finish(self) -> str:
        return self._emit(self._decode(self._pending), [])

    def _emit(self, text: str, still_pending: list[int]) -> str:
        self._started = self._started or bool(text)
        self._pending = still_pending
        self._settle_at = _SETTLE_AT
        return text

    def _settle(self, text: str) -> str:
        """Emits the part of a long run of pending tokens that further tokens cannot change.

        `text` is that of all pending tokens. Where they can be cut without changing it, and whole
        characters' worth of tokens is kept, the part before the cut is final.
        """
        for kept in range(_MOST_CHARACTER_TOKENS, len(self._pending)):
            head, tail = self._pending[:-kept], self._pending[-kept:]
            final = self._decode(head)
            if final and final + self._decode_after_text(tail) == text:
                return self._emit(final, tail)
        self._settle_at = 2 * len(self._pending)
        return ""

    def _decode(self, tokens: list[int]) -> str:
        if self._started:
            return self._decode_after_text(tokens)
        return self._decoder.at_start(tokens, skip_special_tokens=self._skip)

    def _decode_after_text(self, tokens: list[int]) -> str:
        return self._decoder.after_text(tokens, skip_special_tokens=self._skip)
