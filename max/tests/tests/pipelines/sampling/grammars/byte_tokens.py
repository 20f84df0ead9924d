"""A tokenizer of bytes: token 65 is "A", and two tokens beyond the bytes are special."""

from __future__ import annotations

from functools import cache

import numpy as np
from llguidance import LLTokenizer, TokenizerWrapper
from numpy.typing import NDArray

END = 256
TAG = 257
NUM_TOKENS = 258


class _Bytes:
    eos_token_id = END
    bos_token_id = None
    tokens = (*(bytes([byte]) for byte in range(256)), b"<end>", b"<tag>")
    special_token_ids = (END, TAG)

    def __call__(self, text: bytes | str) -> list[int]:
        return list(text if isinstance(text, bytes) else text.encode())


@cache
def byte_tokenizer() -> LLTokenizer:
    """The tokenizer, made once."""
    return LLTokenizer(TokenizerWrapper(_Bytes()), n_vocab=NUM_TOKENS, eos_token=END)


def tokens_of(text: str) -> NDArray[np.int64]:
    """The tokens of a text."""
    return np.array(list(text.encode()), np.int64)


def as_set(bits: NDArray[np.int32]) -> set[int]:
    """The tokens whose bits are set."""
    return set(np.flatnonzero(np.unpackbits(bits.view(np.uint8), bitorder="little")).tolist())


def characters(bits: NDArray[np.int32]) -> str:
    """The ASCII characters whose bits are set."""
    return "".join(chr(token) for token in sorted(as_set(bits)) if token < 128)
