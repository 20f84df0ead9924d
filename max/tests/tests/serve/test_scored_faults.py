"""A worker that dies costs no log probability, and none comes twice."""

# build: size = "medium"

from __future__ import annotations

import json
from pathlib import Path

from tests.serve.scripted_model import MODEL_NAME
from tests.serve.server_process import ready

PROMPT = "forever"
NUM_TOKENS = 3000


def test_stream_that_goes_on_in_the_next_worker(model_folder: Path, tmp_path: Path) -> None:
    """The scripted model's log probability of a token is its place, negative."""
    body = {
        "model": MODEL_NAME,
        "prompt": PROMPT,
        "max_tokens": NUM_TOKENS,
        "logprobs": 1,
        "echo": True,
        "stream": True,
    }
    scores: list[float | None] = []
    offsets: list[int] = []
    text = ""
    command = ["tests.serve.scripted_server", str(model_folder)]
    with (
        ready(command, tmp_path, {"MAX_SERVE_METRIC_LEVEL": "NONE"}) as server,
        server.client.stream("POST", "/v1/completions", json=body, timeout=60) as response,
    ):
        for line in response.iter_lines():
            if line.startswith("data: {"):
                if not text:
                    (worker,) = server.workers()
                    worker.kill()
                (choice,) = json.loads(line.removeprefix("data: "))["choices"]
                text += choice["text"]
                scores += choice["logprobs"]["token_logprobs"]
                offsets += choice["logprobs"]["text_offset"]
        assert "the model worker was ended by SIGKILL" in server.output

    # One token is one byte, and one character.
    assert offsets == list(range(len(PROMPT) + NUM_TOKENS))
    assert scores == [None, *(-float(place) for place in offsets[1:])]
    assert len(text) == len(offsets)
