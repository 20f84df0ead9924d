"""Tests of `max.serve.worker.inspection`: what the loop tells of itself."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from max.serve.messages import FromWorker, Inspect, Inspection, Stop
from max.serve.worker import inspection
from tests.serve.scripted_engine import ScriptedChannel, idle, make_submit, run_engine
from tests.serve.scripted_model import PAGE_SIZE, TOTAL_PAGES, ScriptedPipeline, make_pipeline


@pytest.fixture
def pipeline(model_folder: Path) -> ScriptedPipeline:
    return make_pipeline(model_folder)


def inspected(channel: ScriptedChannel) -> Inspection:
    (found,) = channel.sent_of(Inspection)
    assert isinstance(found, Inspection)
    return found


def test_requests_share_the_pages_of_their_prompt(pipeline: ScriptedPipeline) -> None:
    prompt = "x" * PAGE_SIZE + " forever"
    submits = [make_submit(pipeline, prompt, max_length=1000) for _ in range(2)]
    channel = ScriptedChannel([submits[0]], [submits[1]], *idle(3), [Inspect()], [Stop()])

    run_engine(pipeline, channel)

    seen = inspected(channel)
    assert (seen.load.num_running, seen.load.num_queued) == (2, 0)
    assert (seen.load.used_pages, seen.load.total_pages) == (3, TOTAL_PAGES)
    assert [request.request_id for request in seen.requests] == [s.request_id for s in submits]
    first, second = seen.requests
    assert first.cells[0] == second.cells[0]
    assert first.cells[1] != second.cells[1]
    assert [seen.cells[cell] for cell in (*first.cells, second.cells[1])] == [3, 2, 2]
    assert (first.cached_tokens, second.cached_tokens) == (0, PAGE_SIZE)
    assert first.prompt_length == len(prompt)
    assert first.computed_length <= first.length <= first.max_length == 1000


def test_what_is_told_is_bounded(
    pipeline: ScriptedPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "MOST_CELLS", 100)
    monkeypatch.setattr(inspection, "MOST_REQUESTS", 2)
    monkeypatch.setattr(inspection, "MOST_CELLS_OF_REQUEST", 1)
    submits = [make_submit(pipeline, "x" * 3000, max_length=3001) for _ in range(3)]
    channel = ScriptedChannel([*submits, Inspect()], [Inspect()], *idle(5), [Stop()])

    run_engine(pipeline, channel)

    *_, seen = channel.sent_of(Inspection)
    assert isinstance(seen, Inspection)
    assert seen.pages_per_cell == -(-TOTAL_PAGES // 100)
    assert len(seen.cells) <= 100
    assert len(seen.requests) <= 2
    assert all(len(request.cells) <= 1 for request in seen.requests)


def test_inspection_survives_the_wire(pipeline: ScriptedPipeline) -> None:
    channel = ScriptedChannel([Inspect()], [Stop()])

    run_engine(pipeline, channel)

    seen = inspected(channel)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(seen), type=FromWorker) == seen
