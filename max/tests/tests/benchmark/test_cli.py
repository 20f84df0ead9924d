"""`max benchmark`, from the command line to its files."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from max.entrypoints.cli.benchmark import cli_benchmark
from tests.benchmark.scripted_sse import Reply, always, completion, scripted
from tests.serve.scripted_model import MODEL_NAME, write_model_folder
from tests.serve.server_process import ServerProcess, ready

# build: size = "medium"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli_benchmark, [str(a) for a in arguments], prog_name="max benchmark")


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer of bytes, and a model without weights."""
    return write_model_folder(tmp_path_factory.mktemp("scripted") / "model")


@pytest.fixture(scope="module")
def server(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The project's own server."""
    command = ["tests.serve.scripted_server", str(model_folder)]
    with ready(command, tmp_path_factory.mktemp("server")) as server:
        yield server


def test_our_own_server(server: ServerProcess, model_folder: Path, tmp_path: Path) -> None:
    results = []
    for label in ("first", "second"):
        results.append(tmp_path / f"{label}.json")
        result = run(
            *("--base-url", server.url, "--tokenizer", model_folder, "--label", label),
            *("--num-prompts", 6, "--max-concurrency", 3, "--input-len", "5:9"),
            *("--output-len", 7, "--result-file", results[-1], "--plots", tmp_path / label),
        )
        assert result.exit_code == 0, result.output
    assert re.search(r"^6 requests in .* s, 0 failed$", result.output, re.MULTILINE)
    assert re.search(r"^  tokens of answers +[\d,.]+ +42$", result.output, re.MULTILINE)
    content = json.loads(results[0].read_text())
    assert content["settings"]["model"] == MODEL_NAME
    assert len(content["requests"]) == 6
    assert all(5 <= request["prompt_tokens"] <= 9 for request in content["requests"])
    assert (tmp_path / "first" / "timeline.png").exists()

    compared = run("--compare", *results, "--plots", tmp_path / "both")
    assert compared.exit_code == 0, compared.output
    assert re.search(r"^  higher is better +first +second +ratio$", compared.output, re.MULTILINE)
    assert (tmp_path / "both" / "comparison.png").exists()


def test_chats_of_several_turns(server: ServerProcess, model_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "chat.json"
    result = run(
        *("--base-url", server.url, "--tokenizer", model_folder, "--endpoint", "chat"),
        *("--dataset", "prefix", "--prefix-len", 20, "--num-turns", 3, "--num-prompts", 2),
        *("--input-len", 4, "--output-len", 5, "--result-filename", path),
    )
    assert result.exit_code == 0, result.output
    requests = json.loads(path.read_text())["requests"]
    by_turn = {r.get("turn", 0): r["prompt_tokens"] for r in requests if r["conversation"] == 0}
    # A token is a byte; the template of scripted_model writes "user: ...\n" and "assistant: ".
    first = len("user: \n" + "assistant: ") + 20 + 4
    further = len("\n" + "user: \n" + "assistant: ") + 5 + 4
    assert by_turn == {0: first, 1: first + further, 2: first + 2 * further}


def test_failures_are_counted_and_told() -> None:
    replies = iter([Reply(completion("a")), *[Reply([b"busy"], status=429)] * 3])
    with scripted(lambda body: next(replies)) as server:
        result = run("--base-url", server.url, "--tokenizer", "demo", "--num-prompts", 3)
    assert result.exit_code == 1
    assert re.search(r"HTTP 429 +3 +first: busy", result.output)


def test_ctrl_c_prints_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    replies = iter([*[Reply(completion("a", "b"))] * 3, Reply(ending="hang")])
    with scripted(lambda body: next(replies)) as server:
        command = "from max.entrypoints.cli.benchmark import cli_benchmark; cli_benchmark()"
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", command, "--base-url", server.url, "--tokenizer", "demo"),
                *("--num-prompts", "9", "--max-concurrency", "1", "--result-file", str(path)),
            ],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert server.hanging.wait(30)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert re.search(r"^2 requests in .* s, 0 failed, 1 unfinished$", output, re.MULTILINE)
    assert "Interrupted: these are the numbers until then." in output
    assert json.loads(path.read_text())["interrupted"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input-len", "0"], "is not a distribution of lengths"),
        (["--request-rate", "0"], "is no rate: give requests per second above 0, or inf"),
        (["--extra-body", "[1]"], "neither a JSON object"),
        (["--compare"], "--compare needs two result files or more"),
        (["--endpoint", "embeddings"], "is not one of"),
    ],
)
def test_wrong_options(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_result_files_without_compare(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.touch()
    assert "did you mean --compare?" in run(path).output


def test_endpoints_may_be_spelled_out() -> None:
    with scripted(always(Reply(completion("a")))) as server:
        run(
            *("--base-url", server.url, "--endpoint", "/v1/chat/completions"),
            *("--tokenizer", "demo", "--num-prompts", 1, "--request-rate", "100"),
            *("--top-k", 5, "--extra-body", '{"n": 1}', "--api-key", "k"),
        )
    body = server.bodies[-1]
    assert body["messages"][0]["role"] == "user"
    assert (body["top_k"], body["n"], body["temperature"]) == (5, 1, 0)
    assert "Authorization: Bearer k" in server.heads[-1]
