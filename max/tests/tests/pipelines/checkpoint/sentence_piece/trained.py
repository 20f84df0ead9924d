"""SentencePiece models that are trained here, and texts to cut with them."""

from __future__ import annotations

from pathlib import Path

import sentencepiece

TEXTS = (
    "hello world",
    "  two  spaces ",
    " a",
    "12345 67",
    "the quick\n\tbrown",
    "\ufb01ne \uff21\u00bd",  # written otherwise by the usual rule
    "é 你好 🙂",
    "x\u2581y",
    " \n ends \t ",
)
WORDS = "the quick brown fox jumps over the lazy dog hello world two spaces fine half 1 2 3 4 5 6 7"


def train(folder: Path, kind: str, rule: str = "identity", removes_spaces: bool = False) -> Path:
    """A tokenizer.model of few pieces."""
    folder.mkdir()
    text = folder / "text"
    text.write_text("\n".join(f"{WORDS} {word}s" for word in WORDS.split()), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=340,
        model_type=kind,
        byte_fallback=True,
        split_digits=True,
        hard_vocab_limit=False,
        normalization_rule_name=rule,
        remove_extra_whitespaces=removes_spaces,
        minloglevel=2,
    )
    text.unlink()
    return folder
