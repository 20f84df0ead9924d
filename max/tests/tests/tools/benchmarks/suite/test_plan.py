"""Scenarios and servers, read from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from max.benchmark.workload.make import Workload
from tools.benchmarks import suite
from tools.benchmarks.suite.plan import Column, read_plan, read_servers, scenario_settings

# build: data = ["//tools/benchmarks:scenarios"]

SCENARIOS = Path(suite.__file__).parents[1] / "scenarios"

PLAN = """
title: A title
introduction: Some words
scenarios:
  - {name: one, title: One, model: m, settings: {num_prompts: 2}, shown: [ttft.p50]}
"""
SERVERS = """
variables: {bin: /opt/bin}
tokenizers: {m: demo}
servers:
  ours: {models: {m: {command: "{bin}/serve 'a b' --port {port}"}}}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "file.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_plan_of_this_repository() -> None:
    plan = read_plan(SCENARIOS / "serving.yaml")
    assert [s.name for s in plan.scenarios] == [
        "concurrent",
        "chat",
        "long-prompt",
        "burst",
        "overhead",
        "overhead-streams",
    ]
    for scenario in plan.scenarios:
        settings = scenario_settings(scenario, SCENARIOS)
        assert Workload(settings, "demo").conversations(1, 0), scenario.name


def test_the_example_of_servers_has_all_models_of_the_plan() -> None:
    servers = read_servers(SCENARIOS / "servers.example.yaml")
    models = {scenario.model for scenario in read_plan(SCENARIOS / "serving.yaml").scenarios}
    for name, kind in servers.servers.items():
        assert set(kind.models) == models
        for model in models:
            assert "8123" in servers.arguments(name, model, 8123)


def test_commands_are_filled_in_and_split_as_a_shell_does(tmp_path: Path) -> None:
    servers = read_servers(write(tmp_path, SERVERS))
    assert servers.arguments("ours", "m", 80) == ["/opt/bin/serve", "a b", "--port", "80"]


def test_columns() -> None:
    assert Column.parse("ttft.p50").title == "TTFT p50, ms"
    assert Column.parse("long prompt:itl.max").title == "long prompt: ITL max, ms"
    with pytest.raises(ValueError, match="there is no metric 'speed'; there are: request_"):
        Column.parse("speed")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ttft.p50", "ttft.p51", "scenario one: there is no metric 'ttft.p51'"),
        ("num_prompts: 2", "num_turns: 2", "scenario one: .*needs --dataset prefix"),
        ("num_prompts: 2", "prompts: 2", "scenario one: .*`prompts`"),
        ("introduction", "intro", "`intro`"),
        ("title: A", "title: {", "file.yaml: while parsing"),
    ],
)
def test_a_wrong_plan_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_plan(write(tmp_path, PLAN.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{bin}", "{bun}", "names 'bun', which is not in `variables`"),
        ("tokenizers: {m: demo}", "tokenizers: {}", "does not say where that of m is"),
        ("command", "run", "missing required field `command`|unknown field `run`"),
    ],
)
def test_wrong_servers_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_servers(write(tmp_path, SERVERS.replace(old, new)))
