"""Folders that somebody made to hurt: each ends in an answer or in a short refusal."""

# build: size = "medium"

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

import pytest

from integration.bad_input.hostile_files import Spoil
from integration.bad_input.hostile_folders import hostile_folders
from integration.bad_input.refusal import copy_model, generate

LONGEST_MESSAGE = 12_000
# Every so many is tried each day.
EVERY = 24


def assert_answered_or_refused(model: Path, name: str) -> None:
    result = generate(model)
    assert result.exit_code in (0, 1, 2), name
    assert result.exception is None or isinstance(result.exception, SystemExit), name
    assert "Traceback" not in result.stderr, name
    assert len(re.split("^Error: ", result.stderr, flags=re.MULTILINE)[-1]) < LONGEST_MESSAGE, name


def cases(start: int | None, step: int) -> list[object]:
    return [
        pytest.param(name, spoil, id=name)
        for name, spoil in islice(hostile_folders(), start, None, step)
    ]


@pytest.mark.parametrize(("name", "spoil"), cases(None, EVERY))
def test_some(good_model: Path, tmp_path: Path, name: str, spoil: Spoil) -> None:
    model = copy_model(good_model, tmp_path / "model")
    spoil(model)
    assert_answered_or_refused(model, name)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_all(good_model: Path, tmp_path: Path) -> None:
    for number, (name, spoil) in enumerate(hostile_folders()):
        model = copy_model(good_model, tmp_path / f"model{number}")
        spoil(model)
        assert_answered_or_refused(model, name)
