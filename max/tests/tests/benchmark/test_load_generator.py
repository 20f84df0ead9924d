"""Conversations with a scripted server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from max.benchmark.body import request_body
from max.benchmark.client.client import Client, Server
from max.benchmark.load_generator import LoadGenerator
from max.benchmark.records import RequestRecord
from max.benchmark.settings import Settings
from max.benchmark.workload.conversation import Conversation, Message, Turn
from tests.benchmark.scripted_sse import Reply, ScriptedServer, always, chat, completion, scripted

ANSWER = Reply(completion("yes", " sir", usage={"prompt_tokens": 3, "completion_tokens": 2}))


def ask(*texts: str, **fields: Any) -> Conversation:
    return Conversation(tuple(Turn(text, 2) for text in texts), **fields)


def make_load(server: ScriptedServer, **settings: Any) -> LoadGenerator:
    wanted = Settings(**settings)
    client = Client(Server.parse(server.url))
    make_body = partial(request_body, wanted, "m")
    return LoadGenerator(client, wanted.path, make_body, wanted.max_concurrency)


def have(
    server: ScriptedServer,
    conversations: Sequence[Conversation],
    arrivals: Sequence[float] | None = None,
    **settings: Any,
) -> list[RequestRecord]:
    """Has the conversations to their end."""

    async def run() -> list[RequestRecord]:
        load = make_load(server, **settings)
        assert await load.run(conversations, arrivals or [0.0] * len(conversations))
        load.client.close()
        return load.records()

    return asyncio.run(run())


def test_a_record_of_each_request() -> None:
    with scripted(always(ANSWER)) as server:
        records = have(server, [ask("a"), ask("b", label="x")])
    assert sorted(record.conversation for record in records) == [0, 1]
    for record in records:
        assert record.succeeded
        assert (record.prompt_tokens, record.output_tokens, record.turn) == (3, 2, 0)
        assert 0 == record.arrival <= record.sent <= record.chunk_times[0] <= record.end
        assert record.counted_by_server
    assert {record.label for record in records} == {"", "x"}


def test_what_is_sent() -> None:
    with scripted(always(ANSWER)) as server:
        have(server, [ask("a")], sampling={"temperature": 0.0}, extra_body={"n": 1})
    assert server.bodies == [
        {
            "model": "m",
            "prompt": "a",
            "max_tokens": 2,
            "ignore_eos": True,
            "temperature": 0.0,
            "n": 1,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]


def test_turns_of_a_chat_have_the_answers_before_them() -> None:
    conversation = ask("one", "two", history=(Message("system", "Be brief"),))
    with scripted(always(Reply(chat("I ", "see")))) as server:
        records = have(server, [conversation], endpoint="chat")
    assert [body["messages"] for body in server.bodies] == [
        [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "one"}],
        [
            {"role": "system", "content": "Be brief"},
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "I see"},
            {"role": "user", "content": "two"},
        ],
    ]
    assert [record.turn for record in records] == [0, 1]
    assert records[1].arrival == records[0].end


def test_turns_of_completions_are_one_text() -> None:
    with scripted(always(ANSWER)) as server:
        have(server, [ask("one", " two")])
    assert [body["prompt"] for body in server.bodies] == ["one", "oneyes sir two"]


def test_a_failed_turn_ends_its_conversation() -> None:
    with scripted(always(Reply([b"{}"], status=503))) as server:
        (record,) = have(server, [ask("one", "two", "three")])
    assert record.failure is not None
    assert len(server.bodies) == 1


def test_no_more_than_allowed_run_at_a_time() -> None:
    with scripted(always(ANSWER)) as server:
        records = have(server, [ask(str(i)) for i in range(12)], max_concurrency=3)
        # A reply is counted until the server has seen its end, the client a moment before.
        assert server.connections <= 3
    ends = sorted(record.end for record in records)
    for record in records:
        running = sum(r.sent < record.sent < r.end for r in records)
        assert running < 3
    assert records[-1].sent >= ends[8], "the last one waits for a place"


def test_arrivals_are_kept() -> None:
    with scripted(always(ANSWER)) as server:
        records = have(server, [ask("a"), ask("b"), ask("c", arrival=0.0)], [0.05, 0.02, 0.03])
    assert [body["prompt"] for body in server.bodies] == ["c", "b", "a"]
    by_number = sorted(records, key=lambda record: record.conversation)
    assert [round(record.arrival, 6) for record in by_number] == [0.05, 0.02, 0.0]
    assert all(record.sent >= record.arrival for record in records)


def test_an_interrupted_run_has_what_was_done() -> None:
    def script(body: dict[str, Any]) -> Reply:
        return ANSWER if body["prompt"] == "a" else Reply(ANSWER.parts[:1], ending="hang")

    async def run(server: ScriptedServer) -> list[RequestRecord]:
        load = make_load(server, max_concurrency=1)
        task = asyncio.create_task(load.run([ask("a"), ask("b"), ask("c")], [0.0] * 3))
        await asyncio.to_thread(server.hanging.wait, 10)
        while not any(exchange.pieces for exchange in load.client.in_flight):
            await asyncio.sleep(0)
        task.cancel()
        assert await task is False
        load.client.close()
        return load.records()

    with scripted(script) as server:
        done, broken = asyncio.run(run(server))
    assert done.succeeded
    assert broken.unfinished
    assert broken.failure is None
    assert len(broken.chunk_times) == 1


def test_token_ids_are_sent_as_they_are() -> None:
    with scripted(always(ANSWER)) as server:
        have(server, [Conversation((Turn([5, 6, 7]),))], ignore_eos=False)
    (body,) = server.bodies
    assert body["prompt"] == [5, 6, 7]
    assert not {"max_tokens", "ignore_eos"} & set(body)
    assert json.dumps(body)
