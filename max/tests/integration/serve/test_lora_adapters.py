"""A server with LoRA adapters; docs/serve-lora-adapters.md is true."""

# build: size = "medium"
# build: data = ["//docs"]

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from safetensors.torch import load_file

from integration.docs.markdown_code import write_titled_blocks
from integration.test_common.lora_files import write_adapter
from max.demo import adapter_path
from tests.serve.server_process import ServerProcess, ready

PAGE = Path(__file__).parents[4] / "docs" / "serve-lora-adapters.md"
URL = "http://127.0.0.1:8000"
_CURL = re.compile(r"```bash\ncurl (.*?)```\n(?:\n```json\n(.*?)```)?", re.DOTALL)
QUESTION = "Tom has 20 coins. He buys 5 more and then gives 3 coins to Anna. How many has he now?"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """As the page starts it, with two slots."""
    (command,) = re.findall(r"```bash\nmax (serve .*)\n```", PAGE.read_text("utf-8"))
    words = ["max.entrypoints.pipelines", *shlex.split(command), "--max-num-loras", "2"]
    with ready(words, tmp_path_factory.mktemp("server")) as running:
        yield running


def answer(server: ServerProcess, model: str, question: str = QUESTION) -> str:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": question}],
        "temperature": 0,
        "max_tokens": 60,
    }
    response = server.client.post("/v1/chat/completions", json=body)
    assert response.status_code == 200, response.text
    assert response.json()["model"] == model
    text: str = response.json()["choices"][0]["message"]["content"]
    return text


def load(server: ServerProcess, name: str, path: object) -> httpx.Response:
    body = {"lora_name": name, "lora_path": str(path)}
    return server.client.post("/v1/load_lora_adapter", json=body)


def unload(server: ServerProcess, name: str) -> httpx.Response:
    return server.client.post("/v1/unload_lora_adapter", json={"lora_name": name})


def make_adapter(folder: Path, scale: float) -> Path:
    """The demo's adapter with other weights."""
    tensors = load_file(adapter_path() / "adapter_model.safetensors")
    config = json.loads((adapter_path() / "adapter_config.json").read_text("utf-8"))
    scaled = {
        name.removeprefix("base_model.model."): tensor * (scale if "lora_B" in name else 1)
        for name, tensor in tensors.items()
    }
    return write_adapter(folder, scaled, **config)


def error(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["message"]


@pytest.mark.parametrize("example", _CURL.findall(PAGE.read_text("utf-8")))
def test_the_page_s_requests_are_answered(server: ServerProcess, example: tuple[str, str]) -> None:
    command, shown = example
    *_, url, _, body = shlex.split(command)
    response = server.client.post(url.removeprefix(URL), content=body)
    assert response.status_code == 200, response.text
    if shown:
        assert response.json() == json.loads(shown)
    else:
        assert response.json()["choices"][0]["message"]["content"].startswith("Ahoy!")


def test_the_page_s_program_runs(tmp_path: Path) -> None:
    (script,) = write_titled_blocks(PAGE, tmp_path)
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "Ahoy" in run.stdout


def test_a_request_s_model_chooses(server: ServerProcess) -> None:
    assert answer(server, "ahoy").startswith("Ahoy!")
    assert not answer(server, "demo").startswith("Ahoy!")


def test_metrics_tell_what_adapters_do(server: ServerProcess) -> None:
    answer(server, "ahoy")
    text = httpx.get(server.metrics_url).text
    assert "maxserve_lora_adapters 1.0" in text
    for name in ("maxserve_lora_requests_total", "maxserve_lora_output_tokens_total"):
        assert re.search(rf'{name}\{{adapter="ahoy"\}} [1-9]', text)


def test_adapters_are_listed_behind_the_model(server: ServerProcess) -> None:
    listed = server.client.get("/v1/models").json()["data"]
    assert [card["id"] for card in listed] == ["demo", "ahoy"]
    assert server.client.get("/v1/models/ahoy").json() == listed[1]


def test_loading_and_unloading(server: ServerProcess, tmp_path: Path) -> None:
    path, other = make_adapter(tmp_path / "one", 1.0), make_adapter(tmp_path / "other", 0.5)
    for _ in range(2):
        response = load(server, "mine", path)
        assert response.status_code == 200
        assert response.json() == {
            "status": "success",
            "message": "LoRA adapter 'mine' loaded successfully",
        }
    status, message = error(load(server, "mine", other))
    assert status == 409
    assert message.startswith("LoRA adapter name 'mine' already exists with different path")
    assert answer(server, "mine") == answer(server, "ahoy")
    for file in other.iterdir():
        file.replace(path / file.name)
    status, message = error(load(server, "mine", path))
    assert status == 409 and message.endswith("before its files changed: unload it first")
    assert answer(server, "mine") == answer(server, "ahoy")
    assert unload(server, "mine").status_code == 200
    assert error(unload(server, "mine")) == (404, "LoRA adapter 'mine' not found")
    gone = {"model": "mine", "messages": [{"role": "user", "content": "Hello!"}]}
    assert server.client.post("/v1/chat/completions", json=gone).status_code == 404


def test_what_cannot_be_loaded_is_told(server: ServerProcess, tmp_path: Path) -> None:
    status, message = error(load(server, "mine", tmp_path / "nowhere"))
    assert status == 400 and message.startswith("Invalid LoRA adapter path: ")
    tensors = {"model.layers.9.self_attn.q_proj.lora_A.weight": torch.ones(4, 192)}
    tensors["model.layers.9.self_attn.q_proj.lora_B.weight"] = torch.ones(192, 4)
    status, message = error(load(server, "mine", write_adapter(tmp_path / "deep", tensors)))
    assert status == 400 and "no layer 'layers.9.self_attn.q_proj'" in message
    too_high = write_adapter(tmp_path / "high", {}, r=64)
    assert "it has no tensors lora_A" in error(load(server, "mine", too_high))[1]
    assert error(load(server, "demo", too_high))[0] == 400
    body = {"lora_name": "mine", "lora_path": "x", "more": 1}
    assert server.client.post("/v1/load_lora_adapter", json=body).status_code == 400


def test_the_same_name_with_new_weights_answers_anew(server: ServerProcess, tmp_path: Path) -> None:
    question = " ".join([QUESTION] * 12)  # of several pages
    path = make_adapter(tmp_path / "mine", 1.0)
    assert load(server, "mine", path).status_code == 200
    before = answer(server, "mine", question)
    assert answer(server, "mine", question) == before
    assert unload(server, "mine").status_code == 200
    other = make_adapter(tmp_path / "new", -1.0)
    for file in path.iterdir():
        (other / file.name).replace(file)
    assert load(server, "mine", path).status_code == 200
    after = answer(server, "mine", question)
    assert unload(server, "mine").status_code == 200
    assert load(server, "fresh", make_adapter(tmp_path / "fresh", -1.0)).status_code == 200
    server.client.post("/reset_prefix_cache")
    assert answer(server, "fresh", question) == after != before
    assert unload(server, "fresh").status_code == 200


def stream(server: ServerProcess, model: str, found: list[str], has_begun: threading.Event) -> None:
    body: dict[str, Any] = {
        "model": model,
        "prompt": "Question: What is 2 + 3?\nAnswer:",
        "temperature": 0,
        "max_tokens": 300,
        "ignore_eos": True,
        "stream": True,
    }
    with server.client.stream("POST", "/v1/completions", json=body) as response:
        for line in response.iter_lines():
            if line.startswith("data: {"):
                found.append(json.loads(line.removeprefix("data: "))["choices"][0]["text"])
                has_begun.set()


def start_stream(server: ServerProcess, model: str) -> tuple[threading.Thread, list[str]]:
    """A stream in a thread of its own, once it has begun."""
    found: list[str] = []
    has_begun = threading.Event()
    thread = threading.Thread(target=stream, args=(server, model, found, has_begun))
    thread.start()
    assert has_begun.wait(30)
    return thread, found


def test_unloading_lets_running_requests_end(server: ServerProcess, tmp_path: Path) -> None:
    path = make_adapter(tmp_path / "mine", 1.0)
    assert load(server, "mine", path).status_code == 200
    thread, undisturbed = start_stream(server, "mine")
    thread.join()
    thread, found = start_stream(server, "mine")
    assert unload(server, "mine").status_code == 200
    status = server.client.post(
        "/v1/completions", json={"model": "mine", "prompt": "x"}
    ).status_code
    assert status == 404 and thread.is_alive(), "the stream was too short for this test"
    thread.join()
    assert "".join(found) == "".join(undisturbed)


def test_a_worker_s_death_keeps_adapters_and_texts(server: ServerProcess, tmp_path: Path) -> None:
    assert load(server, "mine", make_adapter(tmp_path / "mine", 1.0)).status_code == 200
    thread, undisturbed = start_stream(server, "mine")
    thread.join()
    thread, found = start_stream(server, "mine")
    # The child with the model; another one renders templates.
    max(server.workers(), key=lambda child: child.memory_info().rss).kill()
    thread.join()
    assert "".join(found) == "".join(undisturbed)
    assert answer(server, "ahoy").startswith("Ahoy!")
    assert unload(server, "mine").status_code == 200
