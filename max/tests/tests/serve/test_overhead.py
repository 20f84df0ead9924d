"""Prints what serving costs per token, with a model that costs nothing."""

from __future__ import annotations

import time

import pytest

from tests.serve.scripted_model import MODEL_NAME
from tests.serve.server_process import ServerProcess

# build: size = "medium"

NUM_TOKENS = 2000


@pytest.mark.bench
def test_cost_of_a_streamed_token(server: ServerProcess) -> None:
    body = {"model": MODEL_NAME, "prompt": "forever", "max_tokens": NUM_TOKENS, "stream": True}

    def ms_per_token() -> float:
        started = time.perf_counter()
        with server.client.stream("POST", "/v1/completions", json=body) as response:
            *_, last = response.iter_raw()
        assert last.endswith(b"data: [DONE]\n\n")
        return (time.perf_counter() - started) * 1000 / NUM_TOKENS

    print("ms per token:", *(f"{ms_per_token():.3f}" for _ in range(3)))
