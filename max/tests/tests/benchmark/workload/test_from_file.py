"""Conversations read from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from max.benchmark.settings import Endpoint
from max.benchmark.workload.conversation import Conversation, Message, Turn
from max.benchmark.workload.drawn import Prompts
from max.benchmark.workload.from_file import file_conversations
from max.benchmark.workload.vocabulary import Vocabulary, load_tokenizer


def make_prompts() -> Prompts:
    return Prompts(Vocabulary(load_tokenizer("demo")), as_tokens=True, special_tokens=False)


def no_prompts() -> Prompts:
    raise AssertionError("no tokenizer is needed")


def read(
    folder: Path, text: str, count: int | None = None, endpoint: Endpoint = "completions"
) -> list[Conversation]:
    path = folder / "prompts.jsonl"
    path.write_text(text, encoding="utf-8")
    make = make_prompts if "input_len" in text else no_prompts
    return file_conversations(path, count, endpoint, make, 0)


def test_prompts(tmp_path: Path) -> None:
    text = '{"prompt": "Grüße", "output_len": 5}\n\n{"prompt": [1, 2], "at": 1.5, "label": "x"}\n'
    assert read(tmp_path, text) == [
        Conversation((Turn("Grüße", 5),)),
        Conversation((Turn([1, 2]),), arrival=1.5, label="x"),
    ]


def test_messages(tmp_path: Path) -> None:
    text = (
        '{"messages": [{"role": "system", "content": "Be brief"}, '
        '{"role": "user", "content": "?"}]}'
    )
    assert read(tmp_path, text, endpoint="chat") == [
        Conversation((Turn("?"),), history=(Message("system", "Be brief"),))
    ]


def test_random_prompts_of_a_length(tmp_path: Path) -> None:
    (conversation,) = read(tmp_path, '{"input_len": 33, "output_len": 2}')
    assert len(conversation.turns[0].content) == 33


def test_lines_are_read_again_until_there_are_enough(tmp_path: Path) -> None:
    conversations = read(tmp_path, '{"prompt": "a"}\n{"prompt": "b"}', count=5)
    assert [c.turns[0].content for c in conversations] == ["a", "b", "a", "b", "a"]
    assert len(read(tmp_path, '{"prompt": "a"}\n{"prompt": "b"}', count=1)) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: Input data was truncated"),
        ('{"prompt": "a", "color": 1}', "line 2: .*color"),
        ("{}", "line 2: one of prompt, messages and input_len .* none is given"),
        ('{"prompt": "a", "input_len": 1}', "given: prompt, input_len"),
        ('{"messages": [{"role": "user", "content": "?"}]}', "messages need --endpoint chat"),
        ('{"input_len": 0}', "input_len is 0; it has to be 1 or more"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path, '{"prompt": "fine"}\n' + line)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"prompt": [1]}', "token ids need --endpoint completions"),
        ('{"messages": [{"role": "user"}]}', "a message has a role and a content"),
        ('{"messages": [{"role": "assistant", "content": "!"}]}', "has to be the user's"),
    ],
)
def test_a_wrong_line_of_a_chat_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path, line, endpoint="chat")


def test_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no line"):
        read(tmp_path, "\n")
