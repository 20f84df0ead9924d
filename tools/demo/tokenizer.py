"""The demo model's tokenizer: byte-level BPE with a Llama-3-like chat format.

Every byte is a token, so any text round-trips; every digit is a token of its own, so
that arithmetic is learned digit by digit.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

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
    "{%- macro text(message) %}"
    "{%- if message['content'] is string %}{{- message['content'] | trim }}"
    "{%- else %}{%- for part in message['content'] or [] %}{{- part['text'] }}{%- endfor %}"
    "{%- endif %}"
    "{%- endmacro %}"
    "{{- bos_token }}"
    "{%- if tools %}"
    "{{- '<|start_header_id|>system<|end_header_id|>\n\n' }}"
    "{%- if messages[0]['role'] == 'system' %}"
    "{{- text(messages[0]) + '\n' }}{%- set messages = messages[1:] %}"
    "{%- endif %}"
    "{{- 'You can call: ' }}"
    "{%- for tool in tools %}"
    "{{- tool['function']['name'] }}"
    "{{- '(' + ((tool['function']['parameters'] or {})['properties'] or {}) | join(', ') + ')' }}"
    "{{- ', ' if not loop.last }}"
    "{%- endfor %}"
    "{{- '<|eot_id|>' }}"
    "{%- endif %}"
    "{%- for message in messages %}"
    "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}"
    "{{- text(message) }}"
    "{%- for call in message['tool_calls'] or [] %}"
    "{{- '<tool_call>\n{\"name\": \"' + call['function']['name'] + '\", \"arguments\": ' }}"
    "{%- if call['function']['arguments'] is string %}{{- call['function']['arguments'] }}"
    "{%- else %}{{- call['function']['arguments'] | tojson }}{%- endif %}"
    "{{- '}\n</tool_call>' }}"
    "{%- endfor %}"
    "{{- '<|eot_id|>' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}"
    "{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
    "{%- endif %}"
)


class ToolCall(NamedTuple):
    """A call that the assistant writes; `arguments` is a JSON object's text."""

    name: str
    arguments: str

    def __str__(self) -> str:
        return (
            f'<tool_call>\n{{"name": "{self.name}", "arguments": {self.arguments}}}\n</tool_call>'
        )


class Message(NamedTuple):
    """One message of a chat; `role` is system, user, assistant or tool."""

    role: str
    content: str
    tool_calls: tuple[ToolCall, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The message in OpenAI's form; calls are numbered, a tool answers the first."""
        message: dict[str, Any] = {"role": self.role, "content": self.content}
        if self.role == "tool":
            message["tool_call_id"] = "call_0"
        if self.tool_calls:
            message["tool_calls"] = [
                {"id": f"call_{number}", "type": "function", "function": call._asdict()}
                for number, call in enumerate(self.tool_calls)
            ]
        return message


class Tool(NamedTuple):
    """A function that is offered: the names of its parameters, and their type as JSON has it."""

    name: str
    parameters: tuple[str, ...]
    type: str = "string"

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.parameters)})"

    def as_dict(self) -> dict[str, Any]:
        """The function in OpenAI's form."""
        schema = {
            "type": "object",
            "properties": {name: {"type": self.type} for name in self.parameters},
            "required": list(self.parameters),
        }
        return {"type": "function", "function": {"name": self.name, "parameters": schema}}


class Piece(NamedTuple):
    """A stretch of text; `taught` when the model should learn to write it."""

    text: str
    taught: bool


def render_chat(messages: Sequence[Message], tools: Sequence[Tool] = ()) -> list[Piece]:
    """Renders a chat as `CHAT_TEMPLATE` does, in pieces that start at token borders."""
    pieces = [Piece(BEGIN_OF_TEXT, False)]
    if tools:
        offered = f"You can call: {', '.join(map(str, tools))}"
        if messages and messages[0].role == "system":
            offered = f"{messages[0].content.strip()}\n{offered}"
            messages = messages[1:]
        messages = [Message("system", offered), *messages]
    for message in messages:
        header = f"{START_HEADER}{message.role}{END_HEADER}\n\n"
        text = message.content.strip() + "".join(map(str, message.tool_calls))
        taught = message.role == "assistant"
        pieces += [Piece(header, False), Piece(f"{text}{END_OF_TURN}", taught)]
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
