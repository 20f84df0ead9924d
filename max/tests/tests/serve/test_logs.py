"""Tests of `max.serve.logs`."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextvars import copy_context
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from max.serve.logs import LogSettings
from max.serve.telemetry.request_record import RequestRecord, enter_request


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Puts the root logger back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


def shown_json(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The one line that was shown."""
    shown = json.loads(capsys.readouterr().err)
    assert isinstance(shown, dict)
    return shown


def test_level_and_prefix(capsys: pytest.CaptureFixture[str]) -> None:
    LogSettings("WARNING", "50% replica").apply()

    logging.getLogger("some.module").info("not shown")
    logging.getLogger("some.module").warning("shown %d", 1)

    shown = capsys.readouterr().err
    assert shown.startswith("50% replica ")
    assert shown.endswith("WARNING some.module: shown 1\n")
    assert "not shown" not in shown


def test_configuring_twice_shows_each_record_once(capsys: pytest.CaptureFixture[str]) -> None:
    LogSettings().apply()
    LogSettings().apply()

    logging.getLogger("some.module").info("once")

    assert capsys.readouterr().err.count("once") == 1


def test_chatty_libraries_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    LogSettings().apply()

    logging.getLogger("uvicorn.error").info("Started server process")

    assert capsys.readouterr().err == ""


def test_fields_follow_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    LogSettings().apply()

    logging.getLogger("a").info("done", extra={"fields": {"status": 200, "route": "/x"}})

    assert capsys.readouterr().err.endswith(" INFO a: done status=200 route=/x\n")


def test_structured_record(capsys: pytest.CaptureFixture[str]) -> None:
    LogSettings(structured=True, prefix="replica 1").apply()

    logging.getLogger("a.b").info("done %s", '"quoted"\n', extra={"fields": {"status": 200}})

    shown = shown_json(capsys)
    assert datetime.fromisoformat(shown.pop("timestamp")).utcoffset() is not None
    assert shown == {
        "level": "INFO",
        "logger": "a.b",
        "message": 'done "quoted"\n',
        "prefix": "replica 1",
        "status": 200,
    }


def test_structured_record_names_the_request_of_its_task(
    capsys: pytest.CaptureFixture[str],
) -> None:
    LogSettings(structured=True).apply()

    def handle() -> None:
        enter_request(RequestRecord(request_id="abc"))
        logging.getLogger("a").info("working")

    copy_context().run(handle)
    assert shown_json(capsys)["request_id"] == "abc"

    logging.getLogger("a").info("not in a request")
    assert "request_id" not in shown_json(capsys)


def test_structured_traceback_is_part_of_the_object(capsys: pytest.CaptureFixture[str]) -> None:
    LogSettings(structured=True).apply()

    try:
        raise RuntimeError("bug")
    except RuntimeError:
        logging.getLogger("a").exception("failed")

    assert "RuntimeError: bug" in shown_json(capsys)["exc_info"]


def test_file_has_its_own_level(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log"
    LogSettings("WARNING", file_path=path, file_level="DEBUG").apply()

    logging.getLogger("a").debug("fine print")

    assert path.read_text(encoding="utf-8").endswith("DEBUG a: fine print\n")
    assert capsys.readouterr().err == ""


def test_file_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for text in ("first", "second"):
        LogSettings(file_path=path).apply()
        logging.getLogger("a").info(text)
        logging.getLogger().handlers[-1].close()

    assert [line.split()[-1] for line in path.read_text(encoding="utf-8").splitlines()] == [
        "first",
        "second",
    ]
