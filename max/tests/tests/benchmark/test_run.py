"""Whole runs against a scripted server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from max.benchmark.run import run_benchmark
from max.benchmark.settings import Settings
from tests.benchmark.scripted_sse import Reply, always, completion, scripted

ANSWER = Reply(completion("yes", usage={"prompt_tokens": 12, "completion_tokens": 2}))


def make_settings(url: str, **fields: Any) -> Settings:
    defaults: dict[str, Any] = {
        "base_url": url,
        "tokenizer": "demo",
        "input_len": "12",
        "num_prompts": 3,
    }
    return Settings(**(defaults | fields))


def test_a_run() -> None:
    with scripted(always(ANSWER)) as server:
        result = run_benchmark(make_settings(server.url), "secret", show_progress=False)
    assert result.settings.model == "scripted"
    assert (result.summary.completed, result.summary.output_tokens) == (3, 6)
    assert len(result.requests) == 3
    assert not result.interrupted
    assert result.client.microseconds_per_chunk > 0
    assert result.machine.cores >= 1
    warmup, *prompts = [tuple(body["prompt"]) for body in server.bodies]
    assert [len(prompt) for prompt in prompts] == [12] * 3
    assert warmup not in prompts
    assert all("Authorization: Bearer secret" in head for head in server.heads)


def test_the_seed_decides_what_is_asked() -> None:
    with scripted(always(ANSWER)) as server:
        for seed in (1, 1, 2):
            run_benchmark(
                make_settings(server.url, seed=seed, num_warmups=0, max_concurrency=1),
                show_progress=False,
            )
    prompts = [body["prompt"] for body in server.bodies]
    assert prompts[:3] == prompts[3:6] != prompts[6:]


def test_a_file_needs_no_tokenizer(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "a"}\n{"prompt": "b"}\n')
    fields = {"dataset": "file", "dataset_path": str(path), "tokenizer": None, "num_prompts": None}
    with scripted(always(ANSWER)) as server:
        result = run_benchmark(make_settings(server.url, **fields), show_progress=False)
    assert result.summary.completed == 2
    assert "ignore_eos" not in server.bodies[0]


def test_random_prompts_need_one() -> None:
    with (
        scripted(always(ANSWER)) as server,
        pytest.raises(ValueError, match="need the model's tokenizer: give --tokenizer"),
    ):
        run_benchmark(make_settings(server.url, tokenizer=None), show_progress=False)


def test_a_failed_warm_up_says_what_the_server_says() -> None:
    refusal = Reply([b'{"error": {"message": "no such model"}}'], status=404)
    with (
        scripted(always(refusal)) as server,
        pytest.raises(ConnectionError, match="the warm-up request failed: HTTP 404: no such model"),
    ):
        run_benchmark(make_settings(server.url), show_progress=False)


def test_a_server_without_usage() -> None:
    with scripted(always(Reply(completion("a", "b", "c")))) as server:
        result = run_benchmark(make_settings(server.url), show_progress=False)
    assert not result.summary.counted_by_server
    assert result.summary.output_tokens == 9


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dataset": "file"}, "--dataset file needs --dataset-path"),
        ({"dataset_path": "x"}, "--dataset random reads no --dataset-path"),
        ({"num_turns": 2}, "--num-turns needs --dataset prefix"),
        ({"endpoint": "chat", "prompt_format": "tokens"}, "--endpoint chat takes text"),
        (
            {"dataset": "prefix", "num_turns": 2, "prompt_format": "tokens"},
            "--num-turns needs --prompt-format text",
        ),
    ],
)
def test_settings_that_do_not_fit_together(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_benchmark(make_settings("http://127.0.0.1:9", **fields))


def test_what_is_left_out_of_the_numbers() -> None:
    with scripted(always(ANSWER)) as server:
        fields = {"num_prompts": 6, "skip_first": 2, "skip_last": 1, "max_concurrency": 1}
        result = run_benchmark(make_settings(server.url, **fields), show_progress=False)
    assert (len(result.requests), result.summary.completed) == (6, 3)


def test_a_run_ends_when_its_time_is_over() -> None:
    replies = iter([ANSWER, ANSWER, Reply(ending="hang")])
    with scripted(lambda body: next(replies)) as server:
        fields = {"num_prompts": 9, "max_concurrency": 1, "max_duration": 0.5}
        result = run_benchmark(make_settings(server.url, **fields), show_progress=False)
    assert result.summary.completed == 1
    assert not result.interrupted
