"""Pictures of results."""

from __future__ import annotations

from pathlib import Path

from max.benchmark.client.exchange import Failure
from max.benchmark.compare import Named
from max.benchmark.plots import figures
from max.benchmark.plots.write import write_plots
from max.benchmark.result import Result
from tests.benchmark.records import make_record, make_result

PNG = b"\x89PNG"


def make_mixed() -> Result:
    """A request that waited, one that failed, and one of a single chunk."""
    return make_result(
        [
            make_record(arrival=0.0),
            make_record(failure=Failure("timeout", ""), chunk_times=[]),
            make_record(chunk_times=[1.5]),
        ]
    )


def test_one_result(tmp_path: Path) -> None:
    paths = write_plots([Named("ours", make_mixed())], tmp_path / "new")
    assert [path.name for path in paths] == ["latency.png", "tokens_over_time.png", "timeline.png"]
    assert all(path.read_bytes().startswith(PNG) for path in paths)


def test_several_results(tmp_path: Path) -> None:
    paths = write_plots([Named("a", make_mixed()), Named("b", make_mixed())], tmp_path)
    assert paths[-1].name == "comparison.png"
    assert paths[-1].read_bytes().startswith(PNG)


def test_a_run_of_failures_has_pictures_too(tmp_path: Path) -> None:
    failed = make_record(failure=Failure("timeout", ""), chunk_times=[])
    assert write_plots([Named("a", make_result([failed]))], tmp_path)


def test_the_timeline_has_a_bar_for_each_phase() -> None:
    (axes,) = figures.timeline(make_mixed()).axes
    bars = [(bar.get_x(), bar.get_width()) for bar in axes.patches]  # type: ignore[attr-defined]
    # make_record: due at 0 s, sent at 1 s, first chunk at 1.5 s, end at 2 s.
    assert bars[:3] == [(0.0, 1.0), (1.0, 0.5), (1.5, 0.5)]


def test_shares_are_of_milliseconds() -> None:
    first, gaps = figures.latency_distributions([Named("a", make_mixed())]).axes
    assert first.lines[0].get_xdata(orig=True)[-1] == 500.0  # type: ignore[index]
    longest = max(gaps.lines[0].get_xdata(orig=True)[1:])  # type: ignore[index, arg-type]
    assert round(float(longest), 6) == 300


def test_the_rate_of_chunks_adds_up_to_all_chunks() -> None:
    (axes,) = figures.tokens_over_time([Named("a", make_mixed())]).axes
    (steps,) = axes.patches
    values, edges, _ = steps.get_data()  # type: ignore[attr-defined]
    assert round(float((values * (edges[1:] - edges[:-1])).sum()), 6) == 4
