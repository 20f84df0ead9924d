"""The demo model's tokenizer: byte-level BPE with a Llama-3-like chat format.

Every byte is a token, so any text round-trips; every digit is a token of its own, so
that arithmetic is learned digit by digit.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

BEGIN_OF_TEXT = "<|begin_of_text|>"
END_OF_TEXT = "<|end_of_text|>"
START_HEADER = "<|start_header_id|>"
END_HEADER = "<|end_header_id|>"
END_OF_TURN = "<|eot_id|>"
PADDING = "<|pad|>"
SPECIAL_TOKENS = (BEGIN_OF_TEXT, END_OF_TEXT, START_HEADER, END_HEADER, END_OF_TURN, PADDING)

VOCABULARY_SIZE = 1024
MAX_LENGTH = 2048

# Qwen2's pattern (Llama 3's, but with single digits).
_SPLIT_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

CHAT_TEMPLATE = (
    "{{- bos_token }}"
    "{%- for message in messages %}"
    "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}"
    "{%- if message['content'] is string %}{{- message['content'] | trim }}"
    "{%- else %}{%- for part in message['content'] or [] %}{{- part['text'] }}{%- endfor %}"
    "{%- endif %}"
    "{{- '<|eot_id|>' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}"
    "{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
    "{%- endif %}"
)


class Message(NamedTuple):
    """One message of a chat; `role` is system, user or assistant."""

    role: str
    content: str


class Piece(NamedTuple):
    """A stretch of text; `taught` when the model should learn to write it."""

    text: str
    taught: bool


def render_chat(messages: Sequence[Message]) -> list[Piece]:
    """Renders a chat as `CHAT_TEMPLATE` does, in pieces that start at token borders."""
    pieces = [Piece(BEGIN_OF_TEXT, False)]
    for role, content in messages:
        header = f"{START_HEADER}{role}{END_HEADER}\n\n"
        taught = role == "assistant"
        pieces += [Piece(header, False), Piece(f"{content.strip()}{END_OF_TURN}", taught)]
    return pieces


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Learns the merges from sample texts.

    Args:
        texts: Plain text without special tokens.

    Returns:
        A tokenizer of `VOCABULARY_SIZE` tokens that can be saved in Hugging Face's format.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN_OF_TEXT} $A",
        pair=f"{BEGIN_OF_TEXT} $A {BEGIN_OF_TEXT}:1 $B:1",
        special_tokens=[(BEGIN_OF_TEXT, tokenizer.token_to_id(BEGIN_OF_TEXT))],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BEGIN_OF_TEXT,
        eos_token=END_OF_TURN,
        pad_token=PADDING,
        model_max_length=MAX_LENGTH,
        clean_up_tokenization_spaces=False,
        chat_template=CHAT_TEMPLATE,
    )


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, output: Path) -> None:
    """Writes the tokenizer's files, so that transformers 4 and 5 both can read them."""
    tokenizer.save_pretrained(output)
    settings = output / "tokenizer_config.json"
    values = json.loads(settings.read_text())
    values["tokenizer_class"] = "PreTrainedTokenizerFast"  # The name that both know.
    for where_it_came_from in ("backend", "is_local", "local_files_only"):
        values.pop(where_it_came_from, None)
    settings.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n")
