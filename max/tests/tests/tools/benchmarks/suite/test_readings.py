"""The numbers that programs print."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools.benchmarks.suite.engines import Format
from tools.benchmarks.suite.readings import read_printed


def make_test(prompt: int, generated: int, depth: int, rates: list[float]) -> dict[str, Any]:
    """A test of llama-bench's report: a few of its 40 fields."""
    return {
        "model_type": "llama 1B Q4_K - Medium",
        "n_prompt": prompt,
        "n_gen": generated,
        "n_depth": depth,
        "avg_ts": sum(rates) / len(rates),
        "samples_ts": rates,
    }


def test_llama_bench() -> None:
    tests = [
        make_test(512, 0, 0, [100.0, 140.0]),
        make_test(512, 0, 2048, [50.0]),
        make_test(0, 16, 128, [30.0, 10.0, 31.0]),
        make_test(0, 16, 2048, [20.0]),
        make_test(64, 16, 0, [40.0]),
    ]
    printed = read_printed(json.dumps(tests), "llama-bench")
    assert printed.metrics == {"prefill_512": 120.0, "decode_128": 30.0, "decode_2048": 20.0}


def test_llama_batched_bench() -> None:
    text = """
{"n_threads": 2, "pp": 128, "tg": 48, "pl": 1, "t_tg": 1.1, "speed_pp": 140.0, "speed_tg": 41.5}
{"n_threads": 2, "pp": 128, "tg": 48, "pl": 8, "t_tg": 8.2, "speed_pp": 139.0, "speed_tg": 46.25}

llama_print_timings: nothing
"""
    printed = read_printed(text, "llama-batched-bench")
    assert printed.metrics == {"streams_1": 41.5, "streams_8": 46.25}


def test_json_is_the_last_line() -> None:
    printed = read_printed('a warning\n{"metrics": {"decode_128": 5}}\n', "json")
    assert printed.metrics == {"decode_128": 5}
    assert printed.profile == []
    assert read_printed('{"metrics": {"a": 1}, "profile": [{"op": "x"}]}', "json").profile


@pytest.mark.parametrize(
    ("format", "text", "message"),
    [
        ("json", "", "this is no output of json"),
        ("json", "Killed", "this is no output of json: 'Killed'"),
        ("json", '{"speed": 1}', "this is no output of json"),
        ("json", '{"metrics": {}}', "no number is in this output"),
        ("llama-bench", '[{"n_gen": 1}]', "this is no output of llama-bench"),
        ("llama-bench", "[]", "no number is in this output"),
        ("llama-batched-bench", "main: error", "no number is in this output"),
    ],
)
def test_what_is_no_report(format: Format, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_printed(text, format)
