"""Results beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from max.benchmark.compare import comparison, read_named
from max.benchmark.metrics import COMPARED, METRICS
from max.benchmark.result import Result, read_result, write_result
from max.benchmark.statistics import summarize
from tests.benchmark.records import make_record, make_result


def make_slow(**settings: Any) -> Result:
    """Half the tokens a second of `make_record`, twice its latencies."""
    return make_result([make_record(end=3.0, chunk_times=[2.0, 2.4, 3.0])], **settings)


def write(folder: Path, name: str, result: Result) -> Path:
    path = folder / name
    write_result(result, path)
    return path


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    result = make_result([make_record(), make_record(label="x")], label="a")
    path = write(tmp_path / "new" / "folder", "a.json", result)
    assert read_result(path) == result


@pytest.mark.parametrize("content", ["{}", "no json", '{"schema_version": 1}'])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"other.json is no result of `max benchmark"):
        read_result(path)


def test_ratios(tmp_path: Path) -> None:
    paths = [
        write(tmp_path, "fast.json", make_result([make_record()])),
        write(tmp_path, "slow.json", make_slow()),
    ]
    text = comparison(read_named(paths))
    lines = [line.split() for line in text.splitlines()]
    assert ["higher", "is", "better", "fast", "slow", "ratio"] in lines
    assert ["output", "tokens/s", "3.00", "1.50", "0.50x"] in lines
    assert ["TTFT", "p50,", "ms", "500", "1,000", "2.00x"] in lines
    assert ["ITL", "p99,", "ms", "299", "598", "2.00x"] in lines
    assert "differ" not in text


def test_different_work_is_pointed_out(tmp_path: Path) -> None:
    paths = [
        write(tmp_path, "a.json", make_result([make_record()], input_len="128", label="A")),
        write(
            tmp_path, "b.json", make_result([make_record()], input_len="64", base_url="http://x")
        ),
    ]
    text = comparison(read_named(paths))
    assert "differ in more than their server" in text
    lines = [line.split() for line in text.splitlines()]
    assert ["input_len", "128", "64"] in lines
    assert "base_url" not in text


def test_names_are_labels_or_files_and_never_alike(tmp_path: Path) -> None:
    labelled = make_result([make_record()], label="x")
    paths = [write(tmp_path, name, labelled) for name in ("a.json", "b.json")]
    assert [name for name, _ in read_named(paths)] == ["x", str(paths[1])]


def test_labels_of_requests_are_compared_too(tmp_path: Path) -> None:
    records = [make_record(label="long"), make_record(label="stream")]
    paths = [write(tmp_path, f"{name}.json", make_result(records)) for name in "ab"]
    assert "-- stream --" in comparison(read_named(paths))


def test_every_metric_is_a_number_of_a_summary() -> None:
    summary = summarize([make_record()])
    assert set(COMPARED) <= set(METRICS)
    for metric in METRICS.values():
        assert metric.of(summary) is not None, metric.key
