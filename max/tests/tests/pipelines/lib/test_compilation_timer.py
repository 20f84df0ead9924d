from __future__ import annotations

import logging

import pytest

from max.pipelines.lib import CompilationTimer


def test_both_parts_are_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), CompilationTimer("model") as timer:
        timer.mark_build_complete()
    told = [record.getMessage().rpartition(" took ")[0] for record in caplog.records]
    assert told == ["", "Building model", "Compiling model"]
