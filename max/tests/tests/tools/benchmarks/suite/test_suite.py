"""The whole comparison, with scripted servers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from max.benchmark.result import read_result
from tools.benchmarks.compare_servers import main
from tools.benchmarks.suite import rounds
from tools.benchmarks.suite.rounds import read_runs

# build: deps = ["//max/tests/tests/benchmark"]

PLAN = """
title: Two servers
introduction: Some words.
scenarios:
  - name: small
    title: A small load
    model: m
    settings: {num_prompts: 2, input_len: "4"}
    shown: [completed, ttft.p50]
    bounds: Bounded by nothing.
  - name: chat
    title: A chat
    model: m
    settings: {endpoint: chat, num_prompts: 1}
    shown: [failed]
"""
SERVERS = f"""
variables: {{python: {sys.executable}}}
tokenizers: {{m: demo, other: demo}}
servers:
  ours: {{models: {{m: {{command: "{{python}} -m tests.benchmark.scripted_sse {{port}}"}}}}}}
  theirs:
    about: the same
    models: {{m: {{command: "{{python}} -m tests.benchmark.scripted_sse {{port}}"}}}}
  broken: {{models: {{m: {{command: "{{python}} -c 1/0 {{port}}"}}}}}}
  elsewhere: {{models: {{other: {{command: "false {{port}}"}}}}}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(rounds, "memory_rate", lambda: 30.0)
    (tmp_path / "plan.yaml").write_text(PLAN)
    (tmp_path / "servers.yaml").write_text(SERVERS)
    return tmp_path


def run(folder: Path, *arguments: object) -> Result:
    files = (folder / "plan.yaml", folder / "servers.yaml", "--results", folder / "results")
    return CliRunner().invoke(main, [str(a) for a in (*files, *arguments)])


def test_rounds_and_report(folder: Path) -> None:
    report = folder / "docs" / "report.md"
    result = run(folder, "--rounds", 2, "--report", report)
    assert result.exit_code == 0, result.output

    runs = list(read_runs(folder / "results"))
    assert [(r.round, r.server) for r in runs if r.scenario == "small"] == [
        (0, "ours"),
        (0, "theirs"),
        (0, "broken"),
        (1, "theirs"),
        (1, "broken"),
        (1, "ours"),
    ]
    broken = [r for r in runs if r.server == "broken"]
    assert all(r.result is None and "before it was ready" in str(r.failure) for r in broken)

    settings = [
        read_result(folder / "results" / r.result).settings for r in runs if r.result is not None
    ]
    # A round's requests are the same for all servers, and no other load's; answers are greedy.
    assert len({each.seed for each in settings}) == 2 * 2
    assert all(each.sampling == {"temperature": 0.0} for each in settings)

    text = report.read_text(encoding="utf-8")
    assert text.startswith("# Two servers\n\nSome words.\n")
    assert "2 rounds" in text
    assert "30 to 30 GB/s" in text
    # Each of the two requests of a round is answered; the answers are the same on both.
    assert "| ours | 2.00 |" in text
    assert "| ours / best other | 1.00x |" in text
    assert "| broken | - | 30.0 |" in text
    assert "- broken, round 0: " in text
    assert "Bounded by nothing." in text
    assert "![A small load: latency](report/small-latency.png)" in text
    assert (folder / "docs" / "report" / "small-latency.png").exists()


def test_a_later_call_goes_on(folder: Path) -> None:
    chosen = ("--server", "ours", "--scenario", "small", "--rounds", 1)
    assert run(folder, *chosen).exit_code == 0
    assert run(folder, *chosen).exit_code == 0
    runs = [(r.round, r.server, r.scenario) for r in read_runs(folder / "results")]
    assert runs == [(0, "ours", "small"), (1, "ours", "small")]
    report = folder / "report.md"
    assert run(folder, "--rounds", 0, "--report", report).exit_code == 0
    assert "| theirs |" not in report.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--server", "nobody"), "nobody: there are only"),
        (("--scenario", "none"), "none: there are only"),
        (("--rounds", 0, "--report", "x.md"), "there is no result"),
    ],
)
def test_what_cannot_be(folder: Path, arguments: tuple[object, ...], message: str) -> None:
    result = run(folder, *arguments)
    assert result.exit_code == 1
    assert message in result.output
