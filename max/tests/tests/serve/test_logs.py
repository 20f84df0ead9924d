"""Tests of `max.serve.logs`."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from max.serve.logs import configure_logging


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Puts the root logger back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_level_and_prefix(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("WARNING", "50% replica")

    logging.getLogger("some.module").info("not shown")
    logging.getLogger("some.module").warning("shown %d", 1)

    shown = capsys.readouterr().err
    assert shown.startswith("50% replica ")
    assert shown.endswith("WARNING some.module: shown 1\n")
    assert "not shown" not in shown


def test_configuring_twice_shows_each_record_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    configure_logging("INFO")

    logging.getLogger("some.module").info("once")

    assert capsys.readouterr().err.count("once") == 1


def test_chatty_libraries_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")

    logging.getLogger("uvicorn.error").info("Started server process")

    assert capsys.readouterr().err == ""
