"""`POST /v1/embeddings` of a server that is started as a user starts it."""

# build: size = "medium"

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from integration.test_common.tiny_embedders import make_embedder
from tests.serve.server_process import ServerProcess, ready


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of a tiny BERT of 48 dimensions, whose texts have at most 200 tokens."""
    folder = make_embedder("Bert", tmp_path_factory.mktemp("model") / "model")
    flags = ["serve", "--model", str(folder), "--quantization-encoding", "float32"]
    with ready(
        ["max.entrypoints.pipelines", *flags, "--served-model-name", "tiny"],
        tmp_path_factory.mktemp("server"),
    ) as running:
        yield running


def post(server: ServerProcess, path: str, **body: Any) -> httpx.Response:
    """The answer to a request."""
    return httpx.post(f"{server.url}{path}", json={"model": "tiny", **body}, timeout=60)


def vectors(server: ServerProcess, **body: Any) -> np.ndarray:
    """The vectors of a request that is answered."""
    answer = post(server, "/v1/embeddings", **body)
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert [each["index"] for each in data] == list(range(len(data)))
    return np.array([each["embedding"] for each in data])


def test_texts_and_token_ids(embedder: ServerProcess) -> None:
    answer = post(embedder, "/v1/embeddings", input=["hello", "world!"]).json()
    assert answer["object"] == "list" and answer["model"] == "tiny"
    assert answer["usage"] == {"prompt_tokens": 13, "total_tokens": 13}  # a byte each, and <s>
    both = np.array([each["embedding"] for each in answer["data"]])
    assert both.shape == (2, 48)
    assert np.allclose(np.linalg.norm(both, axis=1), 1)
    assert np.allclose(vectors(embedder, input="world!")[0], both[1], atol=1e-6)
    ids = httpx.post(f"{embedder.url}/tokenize", json={"prompt": "hello"}).json()["tokens"]
    assert np.allclose(vectors(embedder, input=ids)[0], both[0], atol=1e-6)
    assert np.allclose(vectors(embedder, input=[ids, ids]), both[[0, 0]], atol=1e-6)


def test_base64(embedder: ServerProcess) -> None:
    plain = vectors(embedder, input="hello")[0]
    answer = post(embedder, "/v1/embeddings", input="hello", encoding_format="base64").json()
    decoded = np.frombuffer(base64.b64decode(answer["data"][0]["embedding"]), "<f4")
    assert np.allclose(decoded, plain, atol=1e-7)


def test_dimensions(embedder: ServerProcess) -> None:
    plain = vectors(embedder, input="hello")[0]
    (short,) = vectors(embedder, input="hello", dimensions=7)
    assert np.allclose(short, plain[:7] / np.linalg.norm(plain[:7]), atol=1e-6)
    refused = post(embedder, "/v1/embeddings", input="hello", dimensions=49)
    assert refused.status_code == 400
    assert "48 dimensions, got 49" in refused.json()["error"]["message"]


def test_many_texts_at_once(embedder: ServerProcess) -> None:
    texts = [f"text {number}" * (1 + number % 5) for number in range(150)]
    found = vectors(embedder, input=texts)
    assert np.allclose(found[77], vectors(embedder, input=texts[77])[0], atol=1e-5)


def test_long_texts_are_refused_or_cut_when_asked(embedder: ServerProcess) -> None:
    long = "x" * 500
    refused = post(embedder, "/v1/embeddings", input=long)
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert error["code"] == "context_length_exceeded" and error["param"] == "input"
    assert "200 tokens" in error["message"] and "truncate_prompt_tokens" in error["message"]
    cut = vectors(embedder, input=[long], truncate_prompt_tokens=-1)
    assert np.allclose(cut, vectors(embedder, input="x" * 199), atol=1e-6)
    assert vectors(embedder, input="x" * 199).shape == (1, 48)
    few = vectors(embedder, input=long, truncate_prompt_tokens=10)
    assert np.allclose(few, vectors(embedder, input="x" * 9), atol=1e-6)


@pytest.mark.parametrize(
    "body",
    [
        {"input": []},
        {"input": [[]]},
        {"input": [1.5]},
        {"input": [-1]},
        {"input": [99999]},
        {"input": "a", "dimensions": 0},
        {"input": "a", "truncate_prompt_tokens": 0},
        {"input": "a", "truncate_prompt_tokens": -2},
        {"input": "a", "encoding_format": "hex"},
        {},
    ],
)
def test_bad_requests(embedder: ServerProcess, body: dict[str, Any]) -> None:
    answer = post(embedder, "/v1/embeddings", **body)
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}]}),
        ("/v1/completions", {"prompt": "Hi"}),
    ],
)
def test_an_embedder_does_not_chat(
    embedder: ServerProcess, path: str, body: dict[str, Any]
) -> None:
    answer = post(embedder, path, **body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "unsupported_task"
    assert "makes embeddings of texts: use /v1/embeddings" in error["message"]


def test_a_decoder_does_not_embed(server: ServerProcess) -> None:
    body = {"model": "demo", "input": "Hi"}
    answer = httpx.post(f"{server.url}/v1/embeddings", json=body, timeout=60)
    assert answer.status_code == 400
    assert "generates text: use /v1/chat/completions" in answer.json()["error"]["message"]
