"""What measurements say about targets."""

from __future__ import annotations

from typing import Any

import pytest

from tools.benchmarks.suite.engine_results import Numbers
from tools.benchmarks.suite.engine_rounds import Measurement
from tools.benchmarks.suite.engines import Row, Target


def make_measurement(round: int, engine: str, **metrics: float) -> Measurement:
    return Measurement(
        round=round, engine=engine, command="c", metrics=metrics, seconds=1, bandwidth=(1, 1)
    )


def make_row(**fields: Any) -> Row:
    return Row(title="t", unit="s", ours="a:x", peers=["b:x", "c:x"], bound="a:y", **fields)


NUMBERS = Numbers.of(
    [
        make_measurement(0, "a", x=99, y=100),
        make_measurement(0, "a", x=10, y=100),  # measured again: this one counts
        make_measurement(1, "a", x=20, y=40),
        make_measurement(2, "a", x=12, y=20),
        make_measurement(0, "b", x=5),
        make_measurement(1, "b", x=5),
        make_measurement(1, "c", x=8),
    ]
)


def test_quotients_are_of_the_same_round() -> None:
    assert NUMBERS.median("a:x") == 12
    # 10 / 100, 20 / 40, 12 / 20
    assert NUMBERS.quotient("a:x", "a:y") == 0.5
    # 10 / 5 and 20 / 5; b has no round 2
    assert NUMBERS.quotient("a:x", "b:x") == 3
    assert NUMBERS.quotient("a:x", "d:x") is None
    assert NUMBERS.median("d:x") is None


def test_the_best_peer() -> None:
    assert NUMBERS.best_peer(make_row()) == "c:x"
    assert NUMBERS.best_peer(make_row(lower_is_better=True)) == "b:x"
    assert NUMBERS.ratio(make_row()) == 2.5
    assert NUMBERS.ratio(make_row(), "b") == 3
    # Of times, ours is a third as good.
    assert NUMBERS.ratio(make_row(lower_is_better=True)) == pytest.approx((5 / 10 + 5 / 20) / 2)
    assert Numbers({}).ratio(make_row()) is None


@pytest.mark.parametrize(
    ("target", "is_met", "is_met_where_less_is_better"),
    [
        (Target(share=0.5), True, True),
        (Target(share=0.6), False, True),
        (Target(share=0.4), True, False),
        (Target(ratio=2.5), True, False),
        (Target(ratio=2.6), False, False),
        (Target(ratio=3, peer="b"), True, False),
        (Target(ratio=0.375), True, True),
        (Target(value=12), True, True),
        (Target(value=13), False, True),
        (Target(value=11), True, False),
    ],
)
def test_targets(target: Target, is_met: bool, is_met_where_less_is_better: bool) -> None:
    for lower, expected in ((False, is_met), (True, is_met_where_less_is_better)):
        row = make_row(targets=[target], lower_is_better=lower)
        assert [verdict.is_met for verdict in NUMBERS.verdicts(row)] == [expected]


@pytest.mark.parametrize("target", [Target(share=1), Target(ratio=1), Target(value=1)])
def test_what_is_not_measured_is_neither_met_nor_missed(target: Target) -> None:
    [verdict] = Numbers({}).verdicts(make_row(targets=[target]))
    assert verdict.is_met is None
