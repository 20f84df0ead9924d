"""Conversations read from a file: one JSON object per line.

{"prompt": "Tom has 3 apples", "output_len": 32}
{"messages": [{"role": "user", "content": "Hello"}]}
{"input_len": 4096, "output_len": 16, "at": 15, "label": "long"}
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from max.benchmark.settings import Endpoint
from max.benchmark.workload.conversation import Conversation, Message, Turn
from max.benchmark.workload.drawn import Prompts


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """One line: exactly one of `prompt`, `messages` and `input_len` says what is asked.

    Attributes:
        prompt: A text, or token ids.
        messages: A chat; its last message is the question.
        input_len: A random prompt of so many tokens.
        output_len: Longest answer in tokens.
        at: Arrival in seconds from the start of the run.
        label: Requests of the same label are also summed up by themselves.
    """

    prompt: str | list[int] | None = None
    messages: list[dict[str, Any]] | None = None
    input_len: int | None = None
    output_len: int | None = None
    at: float | None = None
    label: str = ""


def file_conversations(
    path: Path,
    count: int | None,
    endpoint: Endpoint,
    make_prompts: Callable[[], Prompts],
    seed: int,
) -> list[Conversation]:
    """Reads the first `count` lines, or all; reads them again from the top while there are too few.

    Args:
        path: the file.
        count: number of conversations.
        endpoint: where they go; messages are for the chat, token ids for completions.
        make_prompts: makes what `input_len` needs; it is called only then.
        seed: of the random prompts.

    Raises:
        ValueError: if a line is not as described; it names the line.
    """
    lines = [
        (number, text)
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if text.strip()
    ]
    if not lines:
        raise ValueError(f"{path} has no line: each one is a JSON object with a prompt")
    generator = np.random.default_rng(seed)
    wanted = [lines[i % len(lines)] for i in range(len(lines) if count is None else count)]
    conversations = []
    for number, text in wanted:
        try:
            line = msgspec.json.decode(text, type=Line)
            _check(line, endpoint)
            conversations.append(_conversation(line, make_prompts, generator))
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
    return conversations


def _check(line: Line, endpoint: Endpoint) -> None:
    given = [
        name for name in ("prompt", "messages", "input_len") if getattr(line, name) is not None
    ]
    if len(given) != 1:
        raise ValueError(
            "one of prompt, messages and input_len says what is asked; "
            + (f"given: {', '.join(given)}" if given else "none is given")
        )
    for name in ("input_len", "output_len"):
        length = getattr(line, name)
        if length is not None and length < 1:
            raise ValueError(f"{name} is {length}; it has to be 1 or more")
    if line.messages is not None and endpoint != "chat":
        raise ValueError("messages need --endpoint chat; --endpoint completions takes a prompt")
    if isinstance(line.prompt, list) and endpoint != "completions":
        raise ValueError("token ids need --endpoint completions; --endpoint chat takes text")


def _conversation(
    line: Line, make_prompts: Callable[[], Prompts], generator: np.random.Generator
) -> Conversation:
    history: tuple[Message, ...] = ()
    if line.messages is not None:
        try:
            messages = [Message(**message) for message in line.messages]
        except TypeError as error:
            raise ValueError(f"a message has a role and a content ({error})") from error
        if not messages or messages[-1].role != "user":
            raise ValueError("the last message has to be the user's")
        history, content = tuple(messages[:-1]), messages[-1].content
    elif line.input_len is not None:
        content = make_prompts().draw(generator, line.input_len)
    else:
        assert line.prompt is not None, "one of the three is given"
        content = line.prompt
    turn = Turn(content, line.output_len)
    return Conversation((turn,), history=history, arrival=line.at, label=line.label)
