"""The whole comparison of engines, with scripted ones."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tools.benchmarks.compare_engines import main
from tools.benchmarks.suite import engine_rounds
from tools.benchmarks.suite.engine_rounds import read_measurements, run_program

# build: deps = ["//max/tests/tests/benchmark"]

PLAN = """
title: Two engines
introduction: Some words.
conclusion: Last words.
loads:
  small:
    settings: {num_prompts: 2, input_len: "4"}
    readings: {done: {metric: completed}, rate: {metric: ttft.p50, tokens: 4}}
rows:
  - title: Decode
    unit: tok/s
    ours: ours:decode_128
    peers: ["theirs:decode_128"]
    bound: ours:decode_128_bound
    targets: [{share: 0.7}, {ratio: 2}, {ratio: 1}, {value: 100}]
    note: Memory bounds it.
  - {title: Served, unit: requests, ours: "theirs:done", targets: [{value: 2}]}
  - {title: Never, unit: s, ours: "nobody:x", targets: [{value: 1}]}
"""
OURS = {
    "metrics": {
        "decode_128": 30,
        "decode_128_bound": 40,
        "profile_step": 2.0,
        "profile_bandwidth": 50.0,
    },
    "profile": [
        {"op": "linear", "weights": "q", "calls": 4, "seconds": 0.001, "nbytes": 25e6},
    ],
}
THEIRS = [{"n_prompt": 0, "n_gen": 16, "n_depth": 128, "samples_ts": [20.0]}]
ENGINES = f"""
variables: {{python: {sys.executable}}}
engines:
  ours:
    about: this one
    commands: {{offline: {{reads: json, command: "cat ours.json"}}}}
  theirs:
    about: the other
    commands:
      bench: {{reads: llama-bench, command: "cat theirs.json"}}
      server:
        loads: [small]
        tokenizer: demo
        command: "{{python}} -m tests.benchmark.scripted_sse {{port}}"
  broken:
    about: a failure
    commands: {{offline: {{reads: json, command: "cat there-is-no-such-file"}}}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(engine_rounds, "memory_rate", lambda: 30.0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.yaml").write_text(PLAN)
    (tmp_path / "engines.yaml").write_text(ENGINES)
    (tmp_path / "ours.json").write_text(json.dumps(OURS))
    (tmp_path / "theirs.json").write_text(json.dumps(THEIRS))
    return tmp_path


def run(folder: Path, *arguments: object) -> Result:
    files = (folder / "plan.yaml", folder / "engines.yaml", "--results", folder / "results")
    return CliRunner().invoke(main, [str(a) for a in (*files, *arguments)])


def measured(folder: Path) -> list[tuple[int, str, str]]:
    return [(m.round, m.engine, m.command) for m in read_measurements(folder / "results")]


def test_a_round_and_its_report(folder: Path) -> None:
    report = folder / "docs" / "cpu.md"
    result = run(folder, "--rounds", 1, "--report", report)
    assert result.exit_code == 0, result.output
    assert measured(folder) == [
        (0, "ours", "offline"),
        (0, "theirs", "bench"),
        (0, "theirs", "server"),
        (0, "broken", "offline"),
    ]
    server = list(read_measurements(folder / "results"))[2]
    assert set(server.metrics) == {"server_ready_seconds", "done", "rate"}
    assert server.bandwidth == (30.0, 30.0)
    text = report.read_text(encoding="utf-8")
    assert text.startswith("# Two engines\n\nSome words.\n")
    assert text.endswith("\nLast words.\n")
    assert "1 round," in text
    assert (
        "| Decode, tok/s | 30.0 | theirs 20.0 | 1.50x | 40.0 | 75% | ≥ 70% of the bound; ≥ 2x the "
        "best; ahead of the best; ≥ 100 tok/s | yes; **no**; yes; **no** |"
    ) in text
    assert "| Served, requests | 2.00 | - | - | - | - | ≥ 2 requests | yes |" in text
    assert "| Never, s | - | - | - | - | - | ≥ 1 s | not measured |" in text
    assert "**Decode.** Memory bounds it." in text
    # 25 MB in a millisecond of the step's two are 25 GB/s, half of what memory gives.
    assert "| linear | q | 4 | 1.000 | 50.0% | 25.0 | 25.0 | 50% |" in text
    assert "| all else (Python, sampling) |  |  | 1.000 | 50.0% |" in text
    assert "- broken, offline, round 0: cat ended with code 1 (log: broken-offline-0.log)" in text
    assert "no-such-file" in (folder / "results" / "broken-offline-0.log").read_text()
    assert (folder / "docs" / "cpu.png").exists()


def test_a_later_call_measures_what_is_missing(folder: Path) -> None:
    assert run(folder, "--rounds", 2, "--only", "ours", "--only", "broken").exit_code == 0
    assert measured(folder) == [
        (0, "ours", "offline"),
        (0, "broken", "offline"),
        (1, "broken", "offline"),
        (1, "ours", "offline"),
    ]
    (folder / "there-is-no-such-file").write_text(json.dumps(OURS))
    assert run(folder, "--rounds", 2, "--only", "ours", "--only", "broken").exit_code == 0
    assert measured(folder)[4:] == [(0, "broken", "offline"), (1, "broken", "offline")]
    assert run(folder, "--rounds", 2, "--only", "theirs/bench").exit_code == 0
    assert measured(folder)[6:] == [(0, "theirs", "bench"), (1, "theirs", "bench")]
    report = folder / "report.md"
    assert run(folder, "--rounds", 0, "--report", report).exit_code == 0
    assert "## Failures" not in report.read_text(encoding="utf-8")


def test_nothing_begins_after_the_time_is_over(folder: Path) -> None:
    assert run(folder, "--minutes", 0).exit_code == 0
    assert measured(folder) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "nobody"), "nobody: there are only broken, broken/offline, ours"),
        (("--rounds", 0, "--report", "x.md"), "there is no result"),
    ],
)
def test_what_cannot_be(folder: Path, arguments: tuple[object, ...], message: str) -> None:
    result = run(folder, *arguments)
    assert result.exit_code == 1
    assert message in result.output


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"sleep took longer than 0\.05 s"):
        run_program(["sleep", "60"], {}, 0.05, tmp_path / "log")


def test_the_environment_of_a_program(tmp_path: Path) -> None:
    printed = run_program(
        ["sh", "-c", "echo $A_VARIABLE"], {"A_VARIABLE": "1"}, 9, tmp_path / "log"
    )
    assert printed == "1\n"
