"""Tests of metrics, logs and traces of a server of the demo model, as a user has them."""

# build: size = "medium"

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.serve.server_process import ServerProcess, ready
from tests.serve.telemetry.collector import Collector, attributes_of, running_collector

COMMAND = ["tests.serve.telemetry.watched_server", "serve", "--model", "demo", "--devices", "cpu"]
QUESTION = "Tom has 3 apples and buys 5 more. How many apples does Tom have?"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@dataclass
class Run:
    """What was observed of one server that answered four requests and was stopped."""

    answers: dict[str, httpx.Response]
    metrics: dict[str, float]
    log: list[dict[str, Any]]
    connections: list[str]
    collector: Collector

    def usage(self, field: str) -> int:
        """Tokens of all answers."""
        return sum(
            answer.json()["usage"][field]
            for answer in self.answers.values()
            if answer.is_success and answer.headers["content-type"] == "application/json"
        )


def ask(server: ServerProcess, request_id: str, **fields: object) -> httpx.Response:
    body = {"model": "demo", "messages": [{"role": "user", "content": QUESTION}]} | fields
    headers = {"x-request-id": request_id, "traceparent": TRACEPARENT}
    return server.client.post("/v1/chat/completions", json=body, headers=headers)


def scrape(server: ServerProcess) -> dict[str, float]:
    """The metrics: name and labels as in the text format."""
    families = text_string_to_metric_families(httpx.get(server.metrics_url).text)
    return {
        sample.name + "".join(f"[{value}]" for _, value in sorted(sample.labels.items())): (
            sample.value
        )
        for family in families
        for sample in family.samples
    }


def watched(folder: Path, **environment: str) -> dict[str, str]:
    return {"CONNECTION_LOG": str(folder / "connections"), **environment}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("telemetry")
    with running_collector() as collector:
        environment = watched(
            folder,
            MODULAR_STRUCTURED_LOGGING="1",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            MAX_SERVE_METRIC_LEVEL="DETAILED",
        )
        with ready(COMMAND, folder, environment) as server:
            answers = {
                "whole": ask(server, "whole", max_tokens=8, ignore_eos=True),
                "two": ask(server, "two", max_tokens=8, n=2, seed=1, ignore_eos=True),
                "refused": ask(server, "refused", max_tokens=0),
                "streamed": ask(server, "streamed", max_tokens=8, stream=True),
            }
            metrics = scrape(server)
            server.signal(signal.SIGTERM)
            assert server.wait() == 0
            log = [json.loads(line) for line in server.output.splitlines()]
        yield Run(
            answers=answers,
            metrics=metrics,
            log=log,
            connections=(folder / "connections").read_text(encoding="utf-8").splitlines(),
            collector=collector,
        )


def test_requests_are_counted_by_status(run: Run) -> None:
    assert run.metrics["maxserve_request_count_total[200][/v1/chat/completions]"] == 3
    assert run.metrics["maxserve_request_count_total[400][/v1/chat/completions]"] == 1
    assert run.metrics["maxserve_request_errors_total[invalid_value]"] == 1


def test_tokens_agree_with_usage(run: Run) -> None:
    streamed = run.metrics["maxserve_num_input_tokens_total"] - run.usage("prompt_tokens")
    prompt = run.answers["whole"].json()["usage"]["prompt_tokens"]
    assert streamed == prompt
    # Eight tokens for each of the four choices at most; the stream may have ended earlier.
    assert run.usage("completion_tokens") == 24
    assert 24 < run.metrics["maxserve_num_output_tokens_total"] <= 32
    assert run.metrics["maxserve_time_to_first_token_milliseconds_count"] == 3
    # Seven gaps in each of the three whole choices.
    assert run.metrics["maxserve_itl_milliseconds_count"] >= 21


def test_steps_are_measured(run: Run) -> None:
    steps = run.metrics["maxserve_batch_size_count"]
    assert steps >= 24
    assert run.metrics["maxserve_batch_execution_time_milliseconds_count"] == steps
    assert run.metrics["maxserve_batch_execution_time_milliseconds_sum"] > 0
    assert run.metrics["maxserve_batch_terminated_reqs_total"] == 4


def test_nothing_runs_afterwards(run: Run) -> None:
    assert run.metrics["maxserve_num_requests_running"] == 0
    assert run.metrics["maxserve_num_requests_queued"] == 0
    assert run.metrics["maxserve_cache_num_used_blocks"] == 0
    assert run.metrics["maxserve_cache_num_total_blocks"] > 0


def test_start_is_told(run: Run) -> None:
    phases = {
        name.removeprefix("maxserve_startup_seconds[").removesuffix("]"): seconds
        for name, seconds in run.metrics.items()
        if name.startswith("maxserve_startup_seconds")
    }
    assert {"download", "import", "allocate"} <= set(phases)
    total = run.metrics["maxserve_model_load_time_milliseconds"]
    assert total == pytest.approx(1000 * sum(phases.values()))
    assert run.metrics["maxserve_pipeline_load_total[demo]"] == 1


def test_detail_is_about_both_processes(run: Run) -> None:
    for process in ("api", "worker"):
        assert run.metrics[f"maxserve_{process}_process_resident_memory_bytes"] > 10**7
        assert run.metrics[f"maxserve_{process}_process_cpu_seconds_total"] > 0


def test_ids_are_returned_with_every_kind_of_answer(run: Run) -> None:
    assert {answer.headers["x-request-id"] for answer in run.answers.values()} == set(run.answers)
    assert run.answers["whole"].json()["id"] == "chatcmpl-whole"


def test_log_has_a_line_for_each_request(run: Run) -> None:
    lines = {line["request_id"]: line for line in run.log if line["logger"] == "max.serve.requests"}
    assert list(lines) == list(run.answers)
    whole = lines["whole"]
    assert (whole["level"], whole["status"]) == ("INFO", 200)
    assert whole["completion_tokens"] == 8
    assert whole["finish_reason"] == "length"
    assert 0 < whole["ttft_ms"] <= whole["total_ms"]
    assert whole["trace_id"] == TRACEPARENT.split("-")[1]
    assert lines["refused"]["error"] == "invalid_value"


def test_log_tells_nothing_of_what_was_asked(run: Run) -> None:
    assert "apples" not in json.dumps(run.log)


def test_trace_of_each_request(run: Run) -> None:
    # Six for each of the three that were answered, one for the one that was refused.
    spans = run.collector.spans_by_name(19)
    assert set(spans) == {
        "POST /v1/chat/completions",
        "chat demo",
        "tokenize",
        "queue",
        "prefill",
        "decode",
    }
    generation = attributes_of(spans["chat demo"][0])
    assert generation["gen_ai.usage.output_tokens"] == 8
    first = spans["decode"][0]
    assert first.end_time_unix_nano > first.start_time_unix_nano


def test_only_the_collector_was_connected_to(run: Run) -> None:
    """Also shows that connections are noticed, for the next test."""
    port = run.collector.url.rsplit(":", 1)[1]
    assert {line for line in run.connections if line.startswith("socket.connect ")} == {
        f"socket.connect ('127.0.0.1', {port})"
    }


def test_nothing_leaves_the_machine_unasked(tmp_path: Path) -> None:
    """Starting, answering and stopping open no connection and look up no name."""
    with ready(COMMAND, tmp_path, watched(tmp_path)) as server:
        assert ask(server, "a", max_tokens=4).is_success
        assert scrape(server)
        server.signal(signal.SIGTERM)
        assert server.wait() == 0

    connections = (tmp_path / "connections").read_text(encoding="utf-8").splitlines()
    # What the server listens on.
    assert set(connections) == {"socket.getaddrinfo 127.0.0.1"}
