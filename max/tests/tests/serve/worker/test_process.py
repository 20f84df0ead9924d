"""Tests of `max.serve.worker.process`."""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path

from max.serve.messages import Load, StartFailed
from max.serve.worker.crash_record import CrashRecord
from max.serve.worker.process import start_engine
from tests.serve.scripted_engine import ScriptedChannel
from tests.serve.scripted_model import ScriptedPipeline, make_pipeline


def make_without_plan(folder: Path, **options: object) -> ScriptedPipeline:
    pipeline = make_pipeline(folder)
    pipeline.plan = None
    return pipeline


def test_pipeline_without_a_plan_cannot_be_served(model_folder: Path, tmp_path: Path) -> None:
    factory = pickle.dumps(partial(make_without_plan, model_folder))
    channel = ScriptedChannel([Load(factory)])

    assert start_engine(channel, [], CrashRecord(tmp_path), channel.send) is None

    (failed,) = channel.sent_of(StartFailed)
    assert isinstance(failed, StartFailed)
    assert "ScriptedPipeline has no memory plan" in failed.report
