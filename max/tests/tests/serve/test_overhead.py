"""What serving costs per token, with a model that costs nothing."""

from __future__ import annotations

import time

import pytest

from tests.serve.scripted_model import MODEL_NAME
from tests.serve.server_process import ServerProcess

# build: size = "medium"

NUM_TOKENS = 2000
# The whole of llama.cpp's server takes 0.31 ms per token of a tiny model, vLLM 1.5.
MOST_MS_PER_TOKEN = 0.5


@pytest.mark.bench
def test_streamed_token_costs_little(server: ServerProcess) -> None:
    body = {"model": MODEL_NAME, "prompt": "forever", "max_tokens": NUM_TOKENS, "stream": True}

    def ms_per_token() -> float:
        started = time.perf_counter()
        with server.client.stream("POST", "/v1/completions", json=body) as response:
            for _ in response.iter_raw():
                pass
        return (time.perf_counter() - started) * 1000 / NUM_TOKENS

    assert min(ms_per_token() for _ in range(3)) < MOST_MS_PER_TOKEN
