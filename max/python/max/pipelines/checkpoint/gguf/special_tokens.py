"""Which tokens of a GGUF file begin and end texts, by their ids and by their texts.

As llama.cpp has it (llama-vocab.cpp): what a file does not say follows from its kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Names of Hugging Face -> keys `tokenizer.ggml.*`.
_KEYS = {
    "bos_token": "bos_token_id",
    "eos_token": "eos_token_id",
    "unk_token": "unknown_token_id",
    "pad_token": "padding_token_id",
    "cls_token": "cls_token_id",
    "sep_token": "seperator_token_id",  # as ggml writes it
    "mask_token": "mask_token_id",
}
# Of kinds of models (tokenizer.ggml.model) whose vocabularies begin with the same tokens.
_BY_MODEL = {
    "llama": {"bos_token": 1, "eos_token": 2, "unk_token": 0},
    "t5": {"eos_token": 1, "unk_token": 2, "pad_token": 0},
}
_END_KEYS = ("eot_token_id", "eom_token_id")
# Files name some of the tokens that end an answer by their ids, and all by their texts.
_END_TEXTS = frozenset(
    {
        "<|eot_id|>",
        "<|eom_id|>",
        "<|im_end|>",
        "<|end|>",
        "<|end_of_text|>",
        "<|endoftext|>",
        "<end_of_turn>",
        "<eos>",
        "</s>",
        "[e~[",
        "<turn|>",
        "<|tool_response>",
        "<EOT>",
        "_<EOT>",
        "[EOT]",
        "[EOS]",
        "<\uff5cend\u2581of\u2581sentence\uff5c>",
        "<end_of_utterance>",
        "<|return|>",
        "<|call|>",
        "<|flush|>",
        "<|calls|>",
    }
)
# Texts that end no answer of vocabularies which have all the others beside them: where there are
# tokens that end answers and calls, `<|end|>` ends a message of several (OpenAI's harmony format,
# Solar Open); of Gemma 4 and PLaMo `</s>` is a word like any other.
_ENDS_NOTHING = (
    ("<|end|>", frozenset({"<|return|>", "<|call|>"})),
    ("<|end|>", frozenset({"<|flush|>", "<|call|>"})),
    ("<|end|>", frozenset({"<|flush|>", "<|calls|>"})),
    ("</s>", frozenset({"<|tool_response>"})),
    ("</s>", frozenset({"<|plamo:eos|>"})),
)


def special_ids(metadata: Mapping[str, Any]) -> dict[str, int]:
    """The ids of special tokens that the vocabulary has, by Hugging Face's names.

    Args:
        metadata: of the file.
    """
    size = len(metadata.get("tokenizer.ggml.tokens") or [])
    ids = dict(_BY_MODEL.get(metadata.get("tokenizer.ggml.model", ""), {}))
    ids |= {
        name: int(metadata[full])
        for name, key in _KEYS.items()
        if metadata.get(full := f"tokenizer.ggml.{key}") is not None
    }
    return {name: i for name, i in ids.items() if not size or 0 <= i < size}


def end_ids(metadata: Mapping[str, Any]) -> set[int]:
    """The tokens that end an answer; llama.cpp stops at all of them too."""
    tokens = metadata.get("tokenizer.ggml.tokens") or []
    by_key = (metadata.get(f"tokenizer.ggml.{key}") for key in _END_KEYS)
    ends = {int(i) for i in by_key if i is not None}
    ends |= {i for name, i in special_ids(metadata).items() if name == "eos_token"}
    all_tokens = frozenset(tokens)
    texts = _END_TEXTS - {text for text, others in _ENDS_NOTHING if others <= all_tokens}
    return ends | {i for i, token in enumerate(tokens) if token in texts}
