"""Tests of `max.serve.timeline`."""

from __future__ import annotations

from max.serve.timeline import Phase, StartupTimeline


def test_each_phase_lasts_until_the_next_one() -> None:
    timeline = StartupTimeline()
    timeline.enter("download", now=10)
    timeline.enter("read", now=12)
    assert timeline.phases == [Phase("download", 2)]
    timeline.finish(now=15.5)

    assert timeline.phases == [Phase("download", 2), Phase("read", 3.5)]
    assert str(timeline) == "Started in 5.5 s: download 2.0 s, read 3.5 s"


def test_finished_twice_is_finished_once() -> None:
    timeline = StartupTimeline()
    timeline.enter("read", now=0)
    timeline.finish(now=1)
    timeline.finish(now=9)

    assert timeline.total_s == 1
