"""Folders that somebody made to hurt: each ends in an answer or in a short refusal."""

# build: size = "medium"

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from integration.bad_input.hostile_files import Spoil
from integration.bad_input.hostile_folders import hostile_folders
from integration.bad_input.refusal import assert_answered_or_refused, copy_model

# Every so many is tried each day.
EVERY = 24


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
