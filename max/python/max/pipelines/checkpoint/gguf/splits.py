"""How byte-level tokenizers cut text before they merge, by the names that GGUF files have for it.

The patterns are those of llama-vocab.cpp, and of the models' own tokenizer.json.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers.normalizers import Normalizer
    from tokenizers.pre_tokenizers import PreTokenizer

_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_SYMBOLS_AND_SPACE = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_LLAMA3 = _CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + _SYMBOLS_AND_SPACE
_QWEN2 = _CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + _SYMBOLS_AND_SPACE
_TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_DEFAULT = (r"[\p{P}\$\+<=>\^~\|]+", _GPT2, r"\p{N}+", r"[0-9][0-9][0-9]")


@dataclass(frozen=True)
class Split:
    """How text is cut.

    Attributes:
        patterns: what is cut out, one after another.
        ignore_merges: whether a piece that is a token is taken whole.
        adds_bos: whether a file that does not say puts a token before every text.
        is_composed: whether characters are composed first (Unicode's NFC).
    """

    patterns: tuple[str, ...]
    ignore_merges: bool = False
    adds_bos: bool = False
    is_composed: bool = False

    def pre_tokenizer(self) -> PreTokenizer:
        """As `tokenizers` has it."""
        from tokenizers import Regex, pre_tokenizers

        steps = [pre_tokenizers.Split(Regex(p), behavior="isolated") for p in self.patterns]
        bytes_step = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        return pre_tokenizers.Sequence([*steps, bytes_step])

    @property
    def normalizer(self) -> Callable[[], Normalizer] | None:
        """What is done to the text before; None for nothing."""
        if not self.is_composed:
            return None
        from tokenizers import normalizers

        return normalizers.NFC


_SPLITS = {
    ("llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"): (
        Split((_LLAMA3,), ignore_merges=True, adds_bos=True)
    ),
    ("dbrx", "smaug-bpe"): Split((_LLAMA3,)),
    ("qwen2", "deepseek-r1-qwen", "megrez", "stablelm2", "hunyuan"): (
        Split((_QWEN2,), is_composed=True)
    ),
    ("tekken",): Split((_TEKKEN,), ignore_merges=True, adds_bos=True),
    ("gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "mpt", "olmo", "jais", "trillion"): (
        Split((_GPT2,))
    ),
    ("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"): (
        Split((r"\p{N}", _GPT2))
    ),
    ("default",): Split(_DEFAULT),
}


def find_split(name: str) -> Split | None:
    """How a tokenizer of that `tokenizer.ggml.pre` cuts text; None when it is not known."""
    return next((split for names, split in _SPLITS.items() if name in names), None)
