"""How kernels are timed."""

from __future__ import annotations

from tools.benchmarks.kernels.timing import take_turns


def test_runs_take_turns_and_the_first_is_not_measured() -> None:
    ran: list[str] = []
    clock = iter(range(100))
    seconds = take_turns(
        2, lambda: next(clock), a=lambda: ran.append("a"), b=lambda: ran.append("b")
    )
    assert ran == ["a", "b"] * 3
    assert seconds == {"a": 1, "b": 1}
