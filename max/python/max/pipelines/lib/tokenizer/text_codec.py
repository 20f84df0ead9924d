"""Text as tokens and tokens as text, by a Hugging Face tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from max.pipelines.context import InputError, PromptTooLongError
from max.pipelines.lib.tokenizer.anchored_decoder import AnchoredDecoder
from max.pipelines.lib.tokenizer.control_tokens import pieces_of
from max.pipelines.lib.tokenizer.lanes import LONG_TEXT, tokenizing

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Of a text with more characters for each token that is allowed, first a beginning is read.
_CHARACTERS_PER_TOKEN = 8
# The beginning of a text may have more tokens at its cut than the whole has there.
_CUT_TOKENS = 32
# Of the panic, no `Exception`, by which the `tokenizers` library gives up a regular expression.
_TOO_MANY_STEPS = "retry-limit-in-match over"


class TextCodec:
    """Encodes and decodes, what is long while the event loop goes on.

    Attributes:
        delegate: The Hugging Face tokenizer.

    Args:
        delegate: That one.
        keeps_leading_space: Keep the leading space when `decode` is given one token.
    """

    def __init__(
        self, delegate: PreTrainedTokenizerBase, keeps_leading_space: bool = False
    ) -> None:
        self.delegate = delegate
        self._keeps_leading_space = keeps_leading_space

    @cached_property
    def anchored_decoder(self) -> AnchoredDecoder:
        """Decodes tokens that come after other text."""
        return AnchoredDecoder(self.delegate)

    async def encode(
        self,
        prompt: str,
        add_special_tokens: bool = True,
        cuts: Sequence[int] = (),
        *,
        most: int | None = None,
    ) -> NDArray[np.int64]:
        """The token ids of a text, `int64[num_tokens]`.

        Args:
            prompt: The text.
            add_special_tokens: Add those that the model expects, such as a beginning of text.
            cuts: Places between which it is tokenized piece by piece.
            most: The most tokens that are wanted; a text that has more is not read to its end.

        Raises:
            InputError: If the text has half of a surrogate pair, which JSON allows to write.
            PromptTooLongError: If it has more tokens than `most`, and was not read to its end.
        """
        try:
            prompt.encode()
        except UnicodeEncodeError as error:
            raise InputError(
                f"The text is not valid Unicode: character {error.start} is "
                f"{prompt[error.start]!a}, half of a surrogate pair."
            ) from error
        if cuts:
            first, *others = pieces_of(prompt, tuple(cuts))
            tokens = [await self.encode(first, add_special_tokens, most=most)]
            tokens += [await self.encode(piece, False, most=most) for piece in others]
            return np.concatenate(tokens)
        if len(prompt) <= LONG_TEXT:
            return self._encode(prompt, add_special_tokens)
        return await tokenizing(
            partial(self._encode_up_to, prompt, add_special_tokens, most), len(prompt)
        )

    async def decode(
        self, tokens: int | Sequence[int] | NDArray[np.integer[Any]], **options: object
    ) -> str:
        """The text of one token or of many.

        Args:
            tokens: Token ids.
            options: `skip_special_tokens` (default false): leave out tokens such as end of text.

        Raises:
            TypeError: If an option is unknown.
        """
        skip = bool(options.pop("skip_special_tokens", False))
        if options:
            raise TypeError(
                f"decode has no option {', '.join(options)}; allowed is skip_special_tokens."
            )
        if np.ndim(tokens) == 0 and self._keeps_leading_space:
            ids = np.atleast_1d(tokens).tolist()
            return self.anchored_decoder.after_text(ids, skip_special_tokens=skip)
        ids = np.atleast_1d(tokens)
        if ids.size > LONG_TEXT:
            return await tokenizing(partial(self._decode, ids, skip), ids.size)
        return self._decode(ids, skip)

    async def token_strings_of(self, tokens: Sequence[int]) -> list[str]:
        """As `token_strings`, while the event loop goes on."""
        if len(tokens) <= LONG_TEXT:
            return self.token_strings(tokens)
        return await tokenizing(partial(self.token_strings, tokens), len(tokens))

    def token_strings(self, tokens: Sequence[int]) -> list[str]:
        """The tokens as the vocabulary writes them, such as `Ġthe` or `<0x0A>`.

        Args:
            tokens: Token ids; one that is in the model only has the empty string.
        """
        pieces = self.delegate.convert_ids_to_tokens(list(tokens))
        return ["" if piece is None else str(piece) for piece in pieces]

    def _encode_up_to(
        self, text: str, add_special_tokens: bool, most: int | None
    ) -> NDArray[np.int64]:
        """Reads ever larger beginnings of a text that has a lot more characters than tokens."""
        length = len(text) if most is None else _CHARACTERS_PER_TOKEN * (most + _CUT_TOKENS)
        while most is not None and length < len(text):
            num_tokens = self._encode(text[:length], add_special_tokens).size
            if num_tokens > most + _CUT_TOKENS:
                raise PromptTooLongError(num_tokens, most, is_more=True)
            length *= 4
        return self._encode(text, add_special_tokens)

    def _encode(self, text: str, add_special_tokens: bool) -> NDArray[np.int64]:
        try:
            ids = self.delegate.encode(text, add_special_tokens=add_special_tokens, verbose=False)
        except BaseException as error:
            if _TOO_MANY_STEPS not in str(error):
                raise
            raise InputError(
                "This text takes the tokenizer of the model more steps than it may: one of its "
                f"regular expressions tries too many ways to match it ({error})."
            ) from error
        return np.asarray(ids, np.int64)

    def _decode(self, ids: NDArray[np.integer[Any]], skip_special_tokens: bool) -> str:
        return str(
            self.delegate.decode(
                ids.tolist(),
                skip_special_tokens=skip_special_tokens,
                clean_up_tokenization_spaces=False,
            )
        )
