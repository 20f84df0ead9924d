"""Clients that misuse connections: silent, slow, without an end, too many."""

from __future__ import annotations

import gzip
from collections.abc import Mapping

from tools.benchmarks.abuse.abuser import COMPLETIONS, Abuser, Case, holds

_HEAD = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
_CHUNKED = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
_ASKS = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
_BODY = b'{"model":"demo","prompt":"a","max_tokens":1}'


def _byte_by_byte(abuser: Abuser) -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in _BODY.ljust(20_000))
    abuser.send_pieces([_CHUNKED, *(chunks[i : i + 6] for i in range(0, len(chunks), 6))])


def _small_chunks(abuser: Abuser) -> None:
    abuser.send_pieces([_CHUNKED, *[b"40\r\n" + b" " * 64 + b"\r\n"] * 250_000])


def _headers(abuser: Abuser) -> None:
    for _ in range(20):
        abuser.send_pieces([_ASKS[:-2] + b"a:b\r\n" * 12_000 + b"\r\n"])


def _cookies(abuser: Abuser) -> None:
    for _ in range(20):
        abuser.get("/v1/models", headers={"cookie": "; ".join(f"k{i}=v" for i in range(5000))})


def _large_head(abuser: Abuser) -> None:
    abuser.send_pieces([_ASKS[:-2] + b"a: " + b"b" * 16_000_000 + b"\r\n\r\n"])


def _long_path(abuser: Abuser) -> None:
    for _ in range(20):
        abuser.get("/v1/models/" + "a/" * 15_000)


def _compressed(abuser: Abuser) -> None:
    bomb = gzip.compress(b" " * 500_000_000 + _BODY)
    abuser.post(COMPLETIONS, bomb, headers={"content-encoding": "gzip"})


def _pipelined(abuser: Abuser) -> None:
    abuser.send_pieces([_ASKS * 20_000])


def _short_lived(abuser: Abuser) -> None:
    for _ in range(3000):
        abuser.connect(_ASKS[:10]).close()


def _half_closed(abuser: Abuser) -> None:
    body = b'{"model":"demo","prompt":"a","max_tokens":1900,"ignore_eos":true}'
    for _ in range(50):
        connection = abuser.connect(_HEAD % len(body) + body)
        connection.shutdown(1)
        connection.close()


CONNECTIONS: Mapping[str, Case] = {
    "500 silent connections": holds(500, b""),
    "500 heads without an end": holds(500, _ASKS[:-2]),
    "40 bodies of 15 MB without an end": holds(
        40, _HEAD % (15 * 2**20 + 1) + b"a" * (15 * 2**20), seconds=1
    ),
    "a body of chunks of a byte": _byte_by_byte,
    "16 MB in chunks of 64 bytes": _small_chunks,
    "12,000 headers, 20 times": _headers,
    "5,000 cookies, 20 times": _cookies,
    "a header of 16 MB": _large_head,
    "a path of 30 KB, 20 times": _long_path,
    "a body that unpacks to 500 MB": _compressed,
    "20,000 requests in one piece": _pipelined,
    "3,000 connections, one after the other": _short_lived,
    "50 clients that leave at once": _half_closed,
}
