"""Plans and engines, read from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.benchmarks import suite
from tools.benchmarks.suite.engines import EnginePlan, read_engine_plan, read_engines

# build: data = ["//tools/benchmarks:scenarios"]

SCENARIOS = Path(suite.__file__).parents[1] / "scenarios"

PLAN = """
title: A title
introduction: Some words.
loads:
  one: {settings: {num_prompts: 1}, readings: {speed: {metric: output_throughput}}}
rows:
  - {title: A row, unit: s, ours: "a:x", peers: ["b:x"], bound: "a:y", targets: [{share: 1}]}
"""
ENGINES = """
variables: {bin: /opt/bin}
engines:
  a:
    about: of ours
    environment: {HOME_OF: "{bin}"}
    commands: {first: {command: "{bin}/run 'a b' {{}}", reads: json}}
  b: {about: of theirs, commands: {server: {command: "serve {port}", loads: [one]}}}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "file.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def plan(tmp_path: Path) -> EnginePlan:
    return read_engine_plan(write(tmp_path, PLAN))


@pytest.mark.parametrize(
    ("plan_name", "example"),
    [
        ("cpu.yaml", "engines.example.yaml"),
        ("commits.yaml", "commits.example.yaml"),
        ("instruction_sets.yaml", "instruction_sets.engines.example.yaml"),
        ("long_contexts.yaml", "long_contexts.engines.example.yaml"),
        ("quantized.yaml", "quantized.engines.example.yaml"),
    ],
)
def test_every_number_of_this_repository_s_plans_has_an_engine_in_the_example(
    plan_name: str, example: str
) -> None:
    plan = read_engine_plan(SCENARIOS / plan_name)
    engines = read_engines(SCENARIOS / example, plan)
    named = {cell.engine for row in plan.rows for cell in row.cells()}
    assert named == set(engines.engines)
    loads = {
        load
        for engine in engines.engines.values()
        for command in engine.commands.values()
        for load in command.loads
    }
    assert loads == set(plan.loads)


def test_variables_are_filled_in(tmp_path: Path, plan: EnginePlan) -> None:
    engines = read_engines(write(tmp_path, ENGINES), plan)
    first = engines.engines["a"].commands["first"]
    assert engines.arguments(first, 0) == ["/opt/bin/run", "a b", "{}"]
    assert engines.arguments(engines.engines["b"].commands["server"], 80) == ["serve", "80"]
    assert engines.environment("a") == {"HOME_OF": "/opt/bin"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("output_throughput", "speed", "load one: there is no metric 'speed'"),
        ("num_prompts: 1", "num_turns: 2", "load one: .*needs --dataset prefix"),
        ('"b:x"', "b", "'b' is not engine:number"),
        ("share: 1", "share: 1, value: 2", "row A row: a target is one of share, ratio, value"),
        ("share: 1", "peer: b", "row A row: a target is one of share, ratio, value"),
        ('bound: "a:y", ', "", "row A row: a share needs a bound"),
        ("share: 1", "ratio: 2, peer: c", "row A row: c is none of its peers"),
        ("title: A row", "name: A row", "`name`|`title`"),
    ],
)
def test_a_wrong_plan_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_engine_plan(write(tmp_path, PLAN.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("/opt/bin}", "/opt/bin, {", "file.yaml: while parsing"),
        ("{bin}/run", "{bun}/run", "names 'bun', which is not in `variables`"),
        (", reads: json", "", "a, first: a command has either `reads` or `loads`"),
        ("reads: json", "reads: json, loads: [one]", "either `reads` or `loads`"),
        ("reads: json", "reads: csv", "csv"),
        ("loads: [one]", "loads: [two]", "b, server: the plan has no load two"),
    ],
)
def test_wrong_engines_are_refused(
    tmp_path: Path, plan: EnginePlan, old: str, new: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_engines(write(tmp_path, ENGINES.replace(old, new)), plan)
