"""Seeded requests of all kinds of wrongness."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tests.serve.fuzz.json_mutations import BODIES, damaged_bytes, encode, mutated_body
from tests.serve.fuzz.wire import Ending, RawRequest
from tests.serve.scripted_model import MODEL_NAME

METHODS = [
    "GET",
    "PUT",
    "DELETE",
    "PATCH",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "FOO",
    "post",
    "",
]
TARGETS = [
    *["/", "//", "/%00", "/%ff%fe", "/v1", "/v1/models/%2e%2e/x", "/v1/models/" + "a" * 10_000],
    *[
        "/v1/models/\x00",
        "/v1/models/\xff",
        "*",
        "http://x/health",
        "//health",
        "/health?%zz=&=",
        "?",
    ],
    *[
        "/health#x",
        "/ health",
        "/v1/chat/completions/",
        "/../../etc/passwd",
        "/v1/models/%F0%9F%98",
    ],
]
HEADERS = [
    *["host: [::", "host: a\x00b", "host:", "Host: x\r\nHost: y", "no colon", ": no name"],
    *["content-type: text/plain", "content-type: \xff", "content-type: multipart/form-data"],
    *[
        "content-encoding: gzip",
        "accept: nothing/at-all",
        "range: bytes=5-1",
        "expect: 100-continue",
    ],
    *["authorization: Bearer \xff", "authorization: Basic :", "cookie: " + "a=b; " * 500],
    *[
        "x-request-id: " + "x" * 5000,
        "x-request-id: \x01",
        "traceparent: 00-zz-zz-00",
        "origin: null",
    ],
    *["connection: upgrade\r\nupgrade: h2c", "upgrade: websocket\r\nconnection: upgrade", "te: x"],
    *["a: " + "b" * 60_000, "\r\n".join(f"h{n}: v" for n in range(500)), "a: b\r\n c: folded"],
    *["transfer-encoding: chunked", "transfer-encoding: gzip, chunked", "x-forwarded-for: ::1"],
    *[
        "content-length: 5",
        "content-length: -1",
        "content-length: x",
        "content-length: " + "9" * 30,
    ],
]
GARBAGE = [
    *[
        b"",
        b"\r\n\r\n",
        b"\x00" * 100,
        b"GET",
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"{}",
    ],
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(160),
    b"GET /health\r\n\r\n",
]
CHUNKS = [
    b"5\r\nhello\r\n0\r\n\r\n",
    b"zz\r\nhello\r\n",
    b"-5\r\nhello\r\n0\r\n\r\n",
    b"ffffffffffffffff\r\nx",
]


def raw_requests(seed: int, count: int) -> Iterator[RawRequest]:
    """The requests of a seed; the first ones are the same for every count."""
    random = Random(seed)
    kinds = [_strange_body] * 11 + [_damaged_body] * 4 + [_strange_http] * 3 + [_gone] * 2
    for _ in range(count):
        yield random.choice(kinds)(random)


def http_request(
    path: str, body: bytes, *headers: str, method: str = "POST", length: int | None = None
) -> bytes:
    """A request that asks for the connection to be closed after it."""
    head = [
        f"{method} {path} HTTP/1.1",
        *([] if any(header.lower().startswith("host") for header in headers) else ["host: server"]),
        *([] if any("connection" in header for header in headers) else ["connection: close"]),
        *headers,
    ]
    if not any("transfer-encoding" in h or "content-length" in h for h in headers):
        head.append(f"content-length: {len(body) if length is None else length}")
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def _strange_body(random: Random) -> RawRequest:
    return RawRequest(http_request(*mutated_body(random)))


def _damaged_body(random: Random) -> RawRequest:
    path, body = random.choice(BODIES)
    return RawRequest(http_request(path, damaged_bytes(random, encode(body).encode())))


def _strange_http(random: Random) -> RawRequest:
    """Wrong on the level of HTTP, so the server may wait for more: we say that nothing comes."""
    path, value = random.choice(BODIES)
    body = encode(value).encode()
    match random.randrange(6):
        case 0:
            data = http_request(path, body, method=random.choice(METHODS))
        case 1:
            data = http_request(random.choice(TARGETS), body, method=random.choice(["GET", "POST"]))
        case 2:
            target = random.choice([path, path, random.choice(TARGETS)])
            data = http_request(target, body, *random.sample(HEADERS, random.randint(1, 3)))
        case 3:
            wrong = random.choice([0, 1, len(body) - 1, len(body) + 1, 10**6, 10**18])
            data = http_request(path, body, length=wrong)
        case 4:
            data = http_request(path, random.choice(CHUNKS), "transfer-encoding: chunked")
        case _:
            whole = http_request(path, body)
            data = random.choice(
                [random.choice(GARBAGE), damaged_bytes(random, whole), whole + whole]
            )
    return RawRequest(data, Ending.SEND_END)


def _gone(random: Random) -> RawRequest:
    """A good request whose client goes away: while it asks, at once, or during the answer."""
    stream = random.choice([True, False])
    body = {"model": MODEL_NAME, "prompt": "forever", "stream": stream, "n": random.choice([1, 3])}
    data = http_request("/v1/completions", encode(body).encode())
    if random.random() < 0.3:
        return RawRequest(data[: random.randrange(1, len(data))], Ending.GO_AWAY)
    return RawRequest(data, random.choice([Ending.READ_LITTLE, Ending.GO_AWAY, Ending.SEND_END]))
