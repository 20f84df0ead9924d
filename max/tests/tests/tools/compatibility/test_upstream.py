"""The documented names: each is here, or is refused by name."""

from __future__ import annotations

from tools.compatibility.upstream import documented_names, examine_names, examine_options

# build: size = "medium"


def test_no_documented_name_is_missing_without_a_word() -> None:
    outcomes = examine_names()
    assert sum(len(names) for _, names in documented_names()) > 300
    assert {o.of: o.missing for o in outcomes if o.missing} == {}
    by_name = {o.of: o for o in outcomes}
    assert "RMSNorm" in by_name["max.nn"].here
    assert "ShardingStrategy" in by_name["max.graph"].refused


def test_options_of_commands() -> None:
    serve, benchmark = examine_options()
    assert "--max-length" in serve.here
    assert "--draft-model-path" in serve.refused
    assert "--random-input-len" in benchmark.here
    assert "--trace" in benchmark.refused
