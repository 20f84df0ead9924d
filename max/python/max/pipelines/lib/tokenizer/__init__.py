"""Tokenizers: from requests to contexts, and from tokens to text.

What renders templates runs in a process of its own that imports nothing else from here.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from max.pipelines.lib.tokenizer.text_tokenizer import PromptText, TextTokenizer

__all__ = ["PromptText", "TextTokenizer"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from max.pipelines.lib.tokenizer import text_tokenizer

    return getattr(text_tokenizer, name)
