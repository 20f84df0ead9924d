"""One server with several targets beside another one, with scripted servers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tools.benchmarks import step_targets
from tools.benchmarks.step_targets import main, with_targets
from tools.benchmarks.suite import rounds
from tools.benchmarks.suite.plan import read_plan, read_servers

# build: deps = ["//max/tests/tests/benchmark"]
# build: data = ["//tools/benchmarks:scenarios"]

PLAN = """
title: Steps
introduction: Some words.
scenarios:
  - name: small
    title: A small load
    model: m
    settings: {num_prompts: 2, input_len: "4", output_len: "3"}
    shown: [output_throughput, itl.p99]
"""
SERVERS = f"""
variables: {{python: {sys.executable}}}
tokenizers: {{m: demo}}
servers:
  ours:
    about: of tests
    models: {{m: {{command: "{{python}} -m tests.benchmark.scripted_sse {{port}}"}}}}
  theirs: {{models: {{m: {{command: "{{python}} -m tests.benchmark.scripted_sse {{port}}"}}}}}}
  others: {{models: {{m: {{command: "false {{port}}"}}}}}}
"""


def write_servers(folder: Path) -> Path:
    path = folder / "servers.yaml"
    path.write_text(SERVERS)
    return path


def test_the_plan_of_this_repository() -> None:
    plan = read_plan(Path(step_targets.__file__).parent / "scenarios" / "step_targets.yaml")
    assert [scenario.name for scenario in plan.scenarios] == ["concurrent", "arrivals", "sustained"]


def test_the_first_server_gets_the_targets(tmp_path: Path) -> None:
    servers = with_targets(read_servers(write_servers(tmp_path)), [0, 150])
    assert list(servers.servers) == ["ours, none", "ours, 150 ms", "theirs", "others"]
    ours = servers.servers["ours, 150 ms"]
    assert ours.models["m"].command.endswith("{port} --target-step-ms 150")
    assert ours.about == "of tests, --target-step-ms 150"


def test_the_report_has_all_of_them_and_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "memory_rate", lambda: 30.0)
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN)
    monkeypatch.setattr(step_targets, "_PLAN", plan)
    report = tmp_path / "report.md"
    options = ["--results", str(tmp_path / "results"), "--report", str(report), "--rounds", "1"]
    chosen = ["--target", "0", "--target", "99", "--server", "theirs"]
    done = CliRunner().invoke(main, [str(write_servers(tmp_path)), *options, *chosen])
    assert done.exit_code == 0, done.output
    text = report.read_text()
    for name in ("ours, none", "ours, 99 ms", "theirs"):
        assert f"| {name} |" in text
    assert "others" not in text
    assert "![Rate and gaps](report/trade.png)" in text
    assert (tmp_path / "report" / "trade.png").stat().st_size > 1000


def test_a_scenario_that_is_not_there_is_refused(tmp_path: Path) -> None:
    folder, report = tmp_path / "results", tmp_path / "report.md"
    arguments = [str(write_servers(tmp_path)), "--results", str(folder), "--report", str(report)]
    result = CliRunner().invoke(main, [*arguments, "--scenario", "sustain"])
    assert result.exit_code == 2
    assert "there is no scenario sustain" in result.output
