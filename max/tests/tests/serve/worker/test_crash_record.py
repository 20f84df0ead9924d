"""Tests of `max.serve.worker.crash_record`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from max.serve.worker.crash_record import CrashRecord, last_requests, steps_begun

KILLED_AT_WORK = """
import os, signal, sys
from pathlib import Path
from max.serve.worker.crash_record import CrashRecord
with CrashRecord(Path(sys.argv[1])).working_on({"a/1.0": 7, "b": 12}):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_worked_on_outlives_a_killed_process(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED_AT_WORK, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    ended = subprocess.run(command, env=environment, check=False)

    assert ended.returncode == -signal.SIGKILL
    assert last_requests(tmp_path) == {"a/1.0": 7, "b": 12}


def test_between_steps_there_is_nothing(tmp_path: Path) -> None:
    box = CrashRecord(tmp_path)
    with box.working_on({"a long name that a shorter one follows": 100}):
        pass
    assert last_requests(tmp_path) == {}
    with box.working_on({"b": 1}):
        assert last_requests(tmp_path) == {"b": 1}
    box.close()


def test_exception_leaves_the_step_standing_until_it_is_cleared(tmp_path: Path) -> None:
    box = CrashRecord(tmp_path)
    with pytest.raises(ValueError, match="no"), box.working_on({"a": 1}):
        raise ValueError("no")
    assert last_requests(tmp_path) == {"a": 1}
    box.clear()
    assert last_requests(tmp_path) == {}
    box.close()


def test_more_requests_than_there_is_room_for_at_first(tmp_path: Path) -> None:
    many = {f"{number:0100}": number for number in range(1000)}
    box = CrashRecord(tmp_path)
    with box.working_on(many):
        assert last_requests(tmp_path) == many
    assert last_requests(tmp_path) == {}
    box.close()


def test_worker_that_never_ran_a_step(tmp_path: Path) -> None:
    assert last_requests(tmp_path) == {}


def test_each_step_is_progress(tmp_path: Path) -> None:
    assert steps_begun(tmp_path) == 0
    box = CrashRecord(tmp_path)
    seen = [steps_begun(tmp_path)]
    for _ in range(300):
        with box.working_on({"a": 1}):
            seen.append(steps_begun(tmp_path))
        assert steps_begun(tmp_path) == seen[-1]
    box.close()
    assert seen == list(range(301))


@pytest.mark.parametrize("garbage", [b"", b"\xff" * 100, bytes(8) + b"\x09\0\0\0not a number"])
def test_record_that_was_written_over_names_nobody(tmp_path: Path, garbage: bytes) -> None:
    record = CrashRecord(tmp_path)
    record.write({"a": 1})
    record.close()
    assert last_requests(tmp_path) == {"a": 1}
    (path,) = tmp_path.iterdir()

    path.write_bytes(garbage)

    assert last_requests(tmp_path) == {}
    assert steps_begun(tmp_path) >= 0


def test_record_that_cannot_be_opened(tmp_path: Path) -> None:
    CrashRecord(tmp_path).close()
    (path,) = tmp_path.iterdir()
    path.unlink()
    path.mkdir()

    assert (last_requests(tmp_path), steps_begun(tmp_path)) == ({}, 0)
