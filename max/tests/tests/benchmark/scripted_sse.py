"""An HTTP server that answers by script, in a thread: any failure can be had on demand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

DONE = b"data: [DONE]\n\n"
JSON_TYPE, EVENTS_TYPE = "application/json", "text/event-stream"


@dataclass(frozen=True)
class Reply:
    """An answer and how it ends.

    Attributes:
        parts: Pieces of the body; each is a chunk of HTTP's chunked encoding.
        status: The HTTP status.
        ending: "complete"; "cut": the connection closes within the answer; "hang": nothing
            more comes until the client goes away; "unframed": neither length nor chunks, the end
            of the connection ends the body; "silent": the connection closes without an answer;
            "garbage": something else than HTTP.
    """

    parts: Sequence[bytes] = ()
    status: int = 200
    ending: Literal["complete", "cut", "hang", "unframed", "silent", "garbage"] = "complete"


def event(content: object) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(content).encode() + b"\n\n"


def completion(*texts: str, usage: dict[str, Any] | None = None, done: bool = True) -> list[bytes]:
    """The events of a completion, one chunk for each text."""
    events = [
        event({"choices": [{"index": 0, "text": text, "finish_reason": None}]}) for text in texts
    ]
    events.append(event({"choices": [{"index": 0, "text": "", "finish_reason": "length"}]}))
    if usage is not None:
        events.append(event({"choices": [], "usage": usage}))
    return [*events, DONE] if done else events


def chat(*texts: str) -> list[bytes]:
    """The events of a chat's answer."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": text} for text in texts]
    events = [event({"choices": [{"index": 0, "delta": delta}]}) for delta in deltas]
    events.append(event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
    usage = {"prompt_tokens": 3, "completion_tokens": len(texts)}
    return [*events, event({"choices": [], "usage": usage}), DONE]


MODELS = Reply([json.dumps({"data": [{"id": "scripted"}]}).encode()])


@dataclass
class ScriptedServer:
    """Answers POSTs by `script`, which gets the request's JSON, and GETs with one model.

    Attributes:
        script: Says what is answered.
        url: Its address.
        bodies: The JSON of all POSTs so far.
        heads: The first lines and headers of all requests so far.
        connections: How many there have been.
        most_at_once: The highest number of POSTs that ran at a time.
        client_left: Set when a client went away while an answer hung.
        hanging: Set when an answer hangs.
    """

    script: Callable[[dict[str, Any]], Reply]
    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    connections: int = 0
    most_at_once: int = 0
    client_left: threading.Event = field(default_factory=threading.Event)
    hanging: threading.Event = field(default_factory=threading.Event)
    _running: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the requests of one connection."""
        self.connections += 1
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has left
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        reply = MODELS
        if head.startswith("POST"):
            length = next(
                int(line.partition(":")[2])
                for line in head.splitlines()
                if line.lower().startswith("content-length")
            )
            body = json.loads(await reader.readexactly(length))
            self.bodies.append(body)
            reply = self.script(body)
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        try:
            return await self._send(reply, reader, writer)
        finally:
            self._running -= 1

    async def _send(
        self, reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if reply.ending == "silent":
            return False
        if reply.ending == "garbage":
            writer.write(b"SSH-2.0-OpenSSH\r\n")
            await writer.drain()
            return False
        framed = reply.ending != "unframed"
        coding = "Transfer-Encoding: chunked\r\n" if framed else ""
        writer.write(f"HTTP/1.1 {reply.status} Scripted\r\n{coding}\r\n".encode())
        for part in reply.parts:
            writer.write(b"%x\r\n%b\r\n" % (len(part), part) if framed else part)
            await writer.drain()
        if reply.ending == "hang":
            self.hanging.set()
            with contextlib.suppress(ConnectionError):
                await reader.read()
            self.client_left.set()
            return False
        if reply.ending == "complete":
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        return reply.ending == "complete"


@contextlib.contextmanager
def scripted(script: Callable[[dict[str, Any]], Reply]) -> Iterator[ScriptedServer]:
    """Runs a server on a free port of 127.0.0.1."""
    server = ScriptedServer(script)
    started, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        started.set()
        await stop.wait()
        listening.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # the closed transports leave the loop

    def main() -> None:
        with contextlib.closing(loop):
            loop.run_until_complete(run())

    thread = threading.Thread(target=main)
    thread.start()
    started.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def main(port: str) -> None:
    """Serves "yes" on a port until the process is ended; other GETs than that of models, too."""
    answer = Reply(completion("yes", " sir", usage={"prompt_tokens": 3, "completion_tokens": 2}))

    async def run() -> None:
        server = ScriptedServer(always(answer))
        listening = await asyncio.start_server(server.serve, "127.0.0.1", int(port))
        await listening.serve_forever()

    asyncio.run(run())


def always(reply: Reply) -> Callable[[dict[str, Any]], Reply]:
    """A script that knows one answer."""
    return lambda body: reply


if __name__ == "__main__":
    main(*sys.argv[1:])
