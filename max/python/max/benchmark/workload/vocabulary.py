"""Random prompts of an exact length in tokens."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Enough different words that random prompts share no prefix, few enough to find in a moment.
_MAX_WORDS = 4096
_MIN_WORDS = 64
_MAX_ATTEMPTS = 100


def load_tokenizer(name: str) -> Tokenizer:
    """Loads a tokenizer: a model's folder, `demo`, or a Hugging Face repository id.

    Raises:
        ValueError: if it is none of these.
    """
    from tokenizers import Tokenizer

    if name == "demo":
        from max.demo import model_path

        name = str(model_path())
    file = Path(name) / "tokenizer.json"
    if file.is_file():
        return Tokenizer.from_file(str(file))
    from transformers import AutoTokenizer  # a folder without tokenizer.json, or a repository

    try:
        loaded = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"there is no tokenizer {name!r}: give --tokenizer the folder of the served model "
            f"(with its tokenizer.json), or its Hugging Face repository id ({error})"
        ) from error
    return loaded.backend_tokenizer


class Vocabulary:
    """Draws prompts from a tokenizer's ordinary tokens."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    @cached_property
    def token_ids(self) -> np.ndarray:
        """Ids of the tokens that are not special ones: `int64 [tokens]`."""
        added = set(self._tokenizer.get_added_tokens_decoder())
        ids = self._tokenizer.get_vocab(with_added_tokens=True).values()
        return np.array(sorted(set(ids) - added), dtype=np.int64)

    @cached_property
    def words(self) -> list[str]:
        """Texts of one token each, in ASCII; words with a space before them where there are many.

        Such words stay one token each when they stand in a row.
        """
        order = np.random.default_rng(0).permutation(self.token_ids)
        words: list[str] = []
        others: list[str] = []
        for token in order.tolist():
            text = self._tokenizer.decode([token], skip_special_tokens=False)
            if not (text.isascii() and text.isprintable()) or self._tokens(text) != [token]:
                continue
            (words if text[0] == " " and text[1:].isalpha() else others).append(text)
            if len(words) == _MAX_WORDS:
                break
        return words if len(words) >= _MIN_WORDS else words + others

    def random_ids(self, generator: np.random.Generator, length: int) -> list[int]:
        """Draws that many token ids."""
        return [int(token) for token in generator.choice(self.token_ids, length)]

    def random_text(
        self, generator: np.random.Generator, length: int, *, special_tokens: bool = False
    ) -> str:
        """Draws a text of exactly that many tokens.

        Args:
            generator: where the randomness comes from.
            length: the tokens of the text.
            special_tokens: count those that the tokenizer puts around a prompt, too.

        Raises:
            ValueError: if the tokenizer makes no text of this length.
        """
        words = [str(word) for word in generator.choice(self.words, length)]
        for _ in range(_MAX_ATTEMPTS):
            text = "".join(words)
            missing = length - len(self._tokens(text, special_tokens))
            if missing == 0:
                return text
            if missing < 0:
                del words[missing:]
            else:
                words += [str(word) for word in generator.choice(self.words, missing)]
        raise ValueError(
            f"no text of exactly {length} tokens was found with this tokenizer: try another "
            "length, or --prompt-format tokens"
        )

    def _tokens(self, text: str, special_tokens: bool = False) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=special_tokens).ids)
