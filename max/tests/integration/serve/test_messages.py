"""`/v1/messages` by Anthropic's client, from a server of the demo model."""

# build: size = "medium"

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.serve.server_process import ServerProcess

pytestmark = pytest.mark.clients

MODEL = "demo"
QUESTION = "Tom has 3 apples and buys 5 more. How many apples does Tom have?"
ADD: Any = {
    "name": "add",
    "description": "Adds two numbers.",
    "input_schema": {
        "type": "object",
        "properties": {name: {"type": "integer", "minimum": 0, "maximum": 99} for name in "ab"},
        "required": ["a", "b"],
        "additionalProperties": False,
    },
}


@pytest.fixture(scope="module")
def claude(server: ServerProcess) -> Iterator[anthropic.Anthropic]:
    """Anthropic's client, talking to the server."""
    with anthropic.Anthropic(base_url=server.url, api_key="none", max_retries=0) as client:
        yield client


def ask(client: anthropic.Anthropic, **fields: Any) -> Any:
    # The client has no argument for it any more.
    given: dict[str, Any] = {"max_tokens": 200, "extra_body": {"temperature": 0}} | fields
    messages = given.pop("messages", [{"role": "user", "content": QUESTION}])
    return client.messages.create(model=MODEL, messages=messages, **given)


def test_question_is_answered(claude: anthropic.Anthropic) -> None:
    message = ask(claude)

    assert message.content[0].text.endswith("#### 8")
    assert message.stop_reason == "end_turn"
    count = claude.messages.count_tokens(
        model=MODEL, messages=[{"role": "user", "content": QUESTION}]
    )
    cached = message.usage.cache_read_input_tokens or 0
    assert count.input_tokens == message.usage.input_tokens + cached


def test_streamed_answer_is_the_same(claude: anthropic.Anthropic) -> None:
    whole = ask(claude)
    with claude.messages.stream(
        model=MODEL,
        max_tokens=200,
        extra_body={"temperature": 0},
        messages=[{"role": "user", "content": [{"type": "text", "text": QUESTION}]}],
    ) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()

    assert text == whole.content[0].text
    assert final.stop_reason == whole.stop_reason
    assert final.usage.output_tokens == whole.usage.output_tokens


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "add"}])
def test_tools_are_used(claude: anthropic.Anthropic, choice: Any) -> None:
    choice = {**choice, "disable_parallel_tool_use": True}
    message = ask(claude, tools=[ADD], tool_choice=choice)

    (call,) = message.content
    assert (call.type, call.name) == ("tool_use", "add")
    assert call.input.keys() == {"a", "b"}
    assert message.stop_reason == "tool_use"
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "8"}
    after = ask(
        claude,
        tools=[ADD],
        messages=[
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": message.content},
            {"role": "user", "content": [result]},
        ],
    )
    assert after.role == "assistant"


def test_streamed_calls_are_the_same(claude: anthropic.Anthropic) -> None:
    fields: dict[str, Any] = {"tools": [ADD], "tool_choice": {"type": "any"}, "max_tokens": 200}
    fields["tool_choice"]["disable_parallel_tool_use"] = True
    with claude.messages.stream(
        model=MODEL,
        extra_body={"temperature": 0},
        messages=[{"role": "user", "content": QUESTION}],
        **fields,
    ) as stream:
        final: Any = stream.get_final_message()

    assert final.content[0].input == ask(claude, **fields).content[0].input
    assert final.stop_reason == "tool_use"


def test_stop_sequences_are_told(claude: anthropic.Anthropic) -> None:
    message = ask(claude, stop_sequences=["####"], system="Be brief.")

    assert (message.stop_reason, message.stop_sequence) in (
        ("stop_sequence", "####"),
        ("end_turn", None),
    )
    assert ask(claude, max_tokens=3).stop_reason == "max_tokens"


def test_errors_are_the_clients_own(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="tool_choice"):
        ask(claude, tool_choice={"type": "any"})
    with pytest.raises(anthropic.NotFoundError, match="does not exist"):
        claude.messages.create(
            model="other", max_tokens=1, messages=[{"role": "user", "content": "x"}]
        )
