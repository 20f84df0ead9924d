"""A client that goes away, or reads slowly, against a running server."""

# build: size = "medium"

from __future__ import annotations

import json
import re
import socket
import time
from urllib.parse import urlsplit

import pytest

from tests.serve.scripted_model import MODEL_NAME, REPLIES
from tests.serve.server_process import ServerProcess

# Without cancellation the pages would be held for many seconds, until "forever" is over.
FREE_WITHIN_S = 5


def ask(server: ServerProcess, prompt: str) -> str:
    body = {"model": MODEL_NAME, "prompt": prompt}
    response = server.client.post("/v1/completions", json=body)
    return str(response.json()["choices"][0]["text"])


def send_request(server: ServerProcess, **fields: object) -> socket.socket:
    """Asks for an answer that takes long, and leaves the reading to the caller."""
    address = urlsplit(server.url)
    body = json.dumps({"model": MODEL_NAME, "prompt": "forever", "n": 2} | fields)
    connection = socket.socket()
    connection.settimeout(30)
    # The system then holds few of the bytes that nobody reads.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((address.hostname, address.port))
    connection.sendall(
        f"POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
        f"{body}".encode()
    )
    return connection


def wait_for_pages(server: ServerProcess, *, held: bool, within_s: float = FREE_WITHIN_S) -> None:
    """Asks the worker until other requests hold pages, or hold none."""
    deadline = time.monotonic() + within_s
    while (ask(server, "pages") != "000") != held:
        assert time.monotonic() < deadline, f"pages are {'free' if held else 'held'} all the time"


@pytest.mark.parametrize("stream", [True, False])
def test_pages_of_a_client_that_left_come_back(server: ServerProcess, stream: bool) -> None:
    with send_request(server, stream=stream):
        wait_for_pages(server, held=True)

    wait_for_pages(server, held=False)


def test_client_that_does_not_read_holds_nobody_up(server: ServerProcess) -> None:
    with send_request(server, stream=True):
        wait_for_pages(server, held=True)

        assert ask(server, "hello") == "hello"

    wait_for_pages(server, held=False)


def test_client_that_reads_late_gets_all_in_fewer_events(server: ServerProcess) -> None:
    """What it has not read is tokens in its mailbox, which become one event, not many."""
    num_tokens = 60_000
    with send_request(server, stream=True, n=1, max_tokens=num_tokens) as connection:
        wait_for_pages(server, held=True)
        wait_for_pages(server, held=False, within_s=60)

        answer = b""
        while b"data: [DONE]" not in answer[-100:]:
            answer += connection.recv(1 << 20)

    # Events are sent as chunks of their own, whose lengths stand between them.
    events = re.findall(rb"data: (\{.*\})\n\n", answer)
    texts = [json.loads(event)["choices"][0]["text"] for event in events]
    reply = REPLIES["forever"]
    assert "".join(texts) == (reply * num_tokens)[:num_tokens]
    assert len(events) < num_tokens / 2


@pytest.mark.parametrize("stream", [True, False])
def test_client_that_has_said_its_last_word_gets_its_answer(
    server: ServerProcess, stream: bool
) -> None:
    with send_request(server, stream=stream, n=1, max_tokens=200) as connection:
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part

    assert b"HTTP/1.1 200" in answer
    assert b'"finish_reason":"length"' in answer
    assert b"connection: close" in answer
