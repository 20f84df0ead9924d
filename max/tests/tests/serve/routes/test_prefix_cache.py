"""Tests of `POST /reset_prefix_cache` against a running server."""

# build: size = "medium"

from __future__ import annotations

from tests.serve.scripted_model import MODEL_NAME, PAGE_SIZE
from tests.serve.server_process import ServerProcess

PROMPT = "greet " + "x" * (2 * PAGE_SIZE)


def cached_tokens(server: ServerProcess) -> int:
    """How many tokens of the prompt the cache had."""
    body = {"model": MODEL_NAME, "prompt": PROMPT, "max_tokens": 1}
    usage = server.client.post("/v1/completions", json=body).json()["usage"]
    return int(usage["prompt_tokens_details"]["cached_tokens"])


def test_prefixes_are_forgotten(server: ServerProcess) -> None:
    cached_tokens(server)
    assert cached_tokens(server) == 2 * PAGE_SIZE

    response = server.client.post("/reset_prefix_cache")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert cached_tokens(server) == 0
