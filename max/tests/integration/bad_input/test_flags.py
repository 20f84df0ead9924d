"""Flags that are unknown, out of range, or more than the machine has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from integration.bad_input.refusal import USAGE_ERROR, generate, refusal, run_max


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--max-lenght", "5"], ["'--max-lenght'", "'--max-length'"]),
        (["--max-length", "many"], ["'--max-length'", "'many' is not a valid integer"]),
        (["--max-length", "-5"], ["--max-length", "greater than or equal to 0", "-5"]),
        (["--max-batch-size", "0"], ["--max-batch-size", "greater than or equal to 1", "0"]),
        (["--kv-cache-page-size", "0"], ["--kv-cache-page-size", "equal to 1", "0"]),
        (["--device-memory-utilization", "1.5"], ["--device-memory-utilization", "to 1", "1.5"]),
        (["--quantization-encoding", "gptq"], ["'gptq'", "supported: float32, bfloat16"]),
        (["--quantization-encoding", "float8_e4m3fn"], ["'float8_e4m3fn'", "supported: float32"]),
        (["--quantization-encoding", "bf16"], ["--quantization-encoding", "'bf16'", "'bfloat16'"]),
        (["--devices", "tpu"], ["'tpu'", "allowed: cpu, gpu"]),
        (["--devices", "cpu,gpu"], ["'cpu,gpu'", "allowed: cpu, gpu"]),
        (["--draft-model", "x"], ["draft_model='x' (--draft-model) is not supported"]),
        (["--chat-template", "nope.jinja"], ["'nope.jinja'", "--chat-template", "not a file"]),
        (["--top-p", "3"], ["top_p is 3.0", "at most 1", "--top-p"]),
        (["--temperature", "-1"], ["temperature is -1.0", "--temperature"]),
        (["--config-file", "nope.yaml"], ["nope.yaml does not exist"]),
    ],
)  # fmt: skip
def test_values(good_model: Path, flags: list[str], told: list[str]) -> None:
    refusal(generate(good_model, *flags), *told, exit_code=USAGE_ERROR)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("runtme: {max_batch_size: 3}", ["'runtme'", "did you mean runtime"]),
        ("model: {kv_cache: {page_size: 3}}", ["'model.kv_cache.page_size'", "kv_cache_page_size"]),
        ("runtime: 4", ["'runtime'", "got 4"]),
    ],
)
def test_config_file(user: Path, text: str, told: list[str]) -> None:
    (user / "recipe.yaml").write_text(text)
    result = run_max("generate", "--config-file", "recipe.yaml")
    refusal(result, *told, exit_code=USAGE_ERROR)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--port", "99999"], ["--port", "65535", "99999"]),
        (["--logs-console-level", "loud"], ["--logs-console-level", "'loud'", "'DEBUG'"]),
    ],
)
def test_server_flags(flags: list[str], told: list[str]) -> None:
    refusal(run_max("serve", "--model", "demo", *flags), *told, exit_code=USAGE_ERROR)


def test_server_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_SERVE_PORT", "http")
    result = run_max("serve", "--model", "demo")
    message = refusal(result, "MAX_SERVE_PORT='http'", "valid integer", exit_code=USAGE_ERROR)
    assert "pydantic" not in message


def test_unknown_command() -> None:
    refusal(run_max("serv"), "serv", "Supported commands: serve", exit_code=USAGE_ERROR)


def test_longer_than_the_model(good_model: Path) -> None:
    refusal(generate(good_model, "--max-length", "1000"), "1000", "512 tokens", "--max-length")


def test_prompt_longer_than_allowed(good_model: Path) -> None:
    refusal(generate(good_model, "--max-length", "5"), "context length is 5", "--max-length")


def test_weights_that_do_not_fit(good_model: Path) -> None:
    message = refusal(
        generate(good_model, "--device-memory-utilization", "0.0000001"),
        "the model does not fit: weights 370.8 KiB",  # 94 912 float32 parameters
        "--device-memory-utilization 1e-07",
        "--max-batch-input-tokens",
        "--quantization-encoding",
    )
    assert len(re.findall(r"\d (B|[KMGT]iB)\b", message)) == 5


def test_request_that_does_not_fit(good_model: Path) -> None:
    # A token's keys and values: 2 layers of 2 heads of 16 float32, so 2**40 of them are 512 TiB;
    # the null page is as large.
    pages = ("--kv-cache-page-size", str(2**40))
    message = refusal(
        generate(good_model, *pages, "--max-length", "100"),
        "one request of --max-length 100 tokens does not fit",
        f"1 pages of --kv-cache-page-size {2**40} tokens and an empty one = 1024.0 TiB",
        "is left on cpu:0",
        "raise --device-memory-utilization",
        "lower --kv-cache-page-size",
    )
    assert "not even one page fits" in message
