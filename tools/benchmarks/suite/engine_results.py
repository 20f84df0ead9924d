"""What the measurements of several rounds say about the rows of a plan."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tools.benchmarks.suite.engine_rounds import Measurement
from tools.benchmarks.suite.engines import Cell, Row, Target

Rounds = Mapping[int, float]


class Verdict(NamedTuple):
    """Whether a target is met; None when something has not been measured."""

    target: Target
    is_met: bool | None


@dataclass(frozen=True)
class Numbers:
    """All numbers, by cell and round. The last of several measurements of a round counts."""

    values: Mapping[Cell, Rounds]

    @classmethod
    def of(cls, measurements: Iterable[Measurement]) -> Numbers:
        """Sorts them."""
        values: dict[Cell, dict[int, float]] = {}
        for measurement in measurements:
            for name, value in measurement.metrics.items():
                rounds = values.setdefault(Cell(measurement.engine, name), {})
                rounds[measurement.round] = value
        return cls(values)

    def rounds(self, cell: str | Cell) -> Rounds:
        """The number of each round that has it."""
        return self.values.get(Cell.parse(cell) if isinstance(cell, str) else cell, {})

    def median(self, cell: str | Cell) -> float | None:
        """The median of the rounds."""
        rounds = self.rounds(cell)
        return statistics.median(rounds.values()) if rounds else None

    def quotient(self, cell: str, other: str) -> float | None:
        """The median of the quotients of the rounds that have both.

        Both were measured within minutes of each other: a round in which memory was slow for all
        spoils the numbers, but not their quotient.
        """
        ours, theirs = self.rounds(cell), self.rounds(other)
        quotients = [value / theirs[round] for round, value in ours.items() if round in theirs]
        return statistics.median(quotients) if quotients else None

    def best_peer(self, row: Row) -> str | None:
        """The cell of the best of the peers that have been measured."""
        measured = [peer for peer in row.peers if self.rounds(peer)]
        best = min if row.lower_is_better else max
        return best(measured, key=lambda peer: self.median(peer) or 0.0, default=None)

    def ratio(self, row: Row, peer: str | None = None) -> float | None:
        """How many times better ours is than a peer's, or the best one's."""
        cell = self.best_peer(row)
        if peer is not None:
            cell = next(text for text in row.peers if Cell.parse(text).engine == peer)
        if cell is None:
            return None
        return (
            self.quotient(cell, row.ours) if row.lower_is_better else self.quotient(row.ours, cell)
        )

    def verdicts(self, row: Row) -> list[Verdict]:
        """Whether each target of a row is met."""
        return [Verdict(target, self._is_met(row, target)) for target in row.targets]

    def _is_met(self, row: Row, target: Target) -> bool | None:
        if target.ratio is not None:
            ratio = self.ratio(row, target.peer)
            return None if ratio is None else ratio >= target.ratio
        if target.share is not None:
            assert row.bound is not None, "read_engine_plan has checked it"
            found, limit = self.quotient(row.ours, row.bound), target.share
        else:
            assert target.value is not None, "read_engine_plan has checked it"
            found, limit = self.median(row.ours), target.value
        if found is None:
            return None
        return found <= limit if row.lower_is_better else found >= limit
