"""Every family answers over HTTP, with the tokens that transformers gives."""

# build: size = "large"

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from integration.test_common.every_tiny_model import EVERY_TINY_MODEL
from integration.test_common.parity import Pair
from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_remote import write_remote
from tests.serve.server_process import ready

pytestmark = pytest.mark.slow

# Without the variants, which have a name behind their family's.
FAMILIES = [name for name in EVERY_TINY_MODEL if name.count("-") == 1]
TOKENS = 6


@pytest.mark.parametrize("name", FAMILIES)
def test_a_chat(name: str, tmp_path: Path) -> None:
    model = EVERY_TINY_MODEL[name]
    pair = Pair(make_checkpoint(model, tmp_path / "model"))
    folder = pair.folder
    if model.remote_architecture:
        folder = write_remote(folder, tmp_path / "remote", model.remote_architecture)
    tokenizer = AutoTokenizer.from_pretrained(pair.folder)
    messages = [{"role": "user", "content": "Hello?"}]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    ids = tokenizer.encode(prompt, add_special_tokens=False)
    tokens = pair.torch.greedy(ids, TOKENS)
    ends = [i for i, token in enumerate(tokens) if token == tokenizer.eos_token_id]
    expected = tokenizer.decode(tokens[: ends[0]] if ends else tokens, skip_special_tokens=True)

    options = ["--model", str(folder), "--quantization-encoding", "float32", "--devices", "cpu"]
    with ready(["max.entrypoints.pipelines", "serve", *options], tmp_path / "server") as server:
        body = {"messages": messages, "max_tokens": TOKENS, "temperature": 0, "model": str(folder)}
        response = server.client.post(f"{server.url}/v1/chat/completions", json=body)
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["usage"]["prompt_tokens"] == len(ids)
    assert answer["choices"][0]["message"]["content"] == expected
