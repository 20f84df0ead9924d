"""Tokenizers: from requests to contexts, and from tokens to text."""

from max.pipelines.lib.tokenizer.text_tokenizer import PromptText, TextTokenizer

__all__ = ["PromptText", "TextTokenizer"]
