from __future__ import annotations

from pathlib import Path

import pytest

from integration.accuracy.verdict_table import verdict_table
from integration.accuracy.verdicts import (
    Status,
    Verdict,
    exit_code,
    load_verdicts,
    store_verdicts,
)


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ([Status.OK, Status.OK], 0),
        ([Status.OK, Status.FLAKE], 75),
        ([Status.FLAKE, Status.INVALID], 1),
        ([Status.ERROR], 1),
        ([Status.INFRA], 1),
        ([], 0),
    ],
)
def test_exit_code(statuses: list[Status], code: int) -> None:
    assert exit_code({str(i): Verdict(status) for i, status in enumerate(statuses)}) == code


def test_verdicts_come_back(tmp_path: Path) -> None:
    verdicts = {"a": Verdict(Status.OK, 0.5), "b": Verdict(Status.ERROR, None, "böse")}
    path = tmp_path / "new" / "v.json"
    store_verdicts(path, verdicts)
    assert load_verdicts(path) == verdicts


@pytest.mark.parametrize("text", ["{", "[]", '{"a": {}}', '{"a": {"status": "fine"}}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "v.json").write_text(text)
    with pytest.raises(ValueError, match="cannot read verdicts"):
        load_verdicts(tmp_path / "v.json")


def test_table() -> None:
    verdicts = {"a": Verdict(Status.OK, 0.25), "b": Verdict(Status.ERROR, None, "x")}
    assert verdict_table(verdicts, {}).splitlines() == [
        "| Status | Model | KL Div | Diff |",
        "| :----: | :---- | -----: | ---: |",
        "| ✅ | a | 2.50e-01 |  |",
        "| ❌ | b |  |  |",
    ]


def test_table_with_an_earlier_run() -> None:
    verdicts = {
        "a": Verdict(Status.OK, 0.25),
        "b": Verdict(Status.INVALID, 0.5),
        "c": Verdict(Status.FLAKE),
    }
    earlier = {"a": Verdict(Status.OK, 0.5), "b": Verdict(Status.OK, 0.25)}
    rows = verdict_table(verdicts, earlier).splitlines()[2:]
    assert [row.split("|")[4].strip() for row in rows] == ["-2.5e-01", "was ✅ +2.5e-01", "new"]
