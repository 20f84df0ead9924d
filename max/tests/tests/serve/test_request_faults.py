"""Tests of `max.serve.request_faults`; `test_fault_properties.py` has them at work."""

from __future__ import annotations

import pytest

from max.serve.request_faults import MAX_UNEXPLAINED, RequestFaults


@pytest.mark.parametrize("killed", [True, False])
def test_second_fault_in_steps_of_its_own_is_one_too_many(killed: bool) -> None:
    faults = RequestFaults()

    assert not faults.add(alone=True, killed=killed)
    assert faults.add(alone=True, killed=killed)


def test_fault_that_was_shared_counts_when_the_next_one_is_not() -> None:
    faults = RequestFaults()

    assert not faults.add(alone=False, killed=False)
    assert faults.add(alone=True, killed=False)


def test_shared_faults_alone_never_suffice() -> None:
    faults = RequestFaults()

    assert not any(faults.add(alone=False, killed=False) for _ in range(10))


def test_worker_that_was_killed_speaks_against_nobody_who_shared_the_step() -> None:
    faults = RequestFaults()
    faults.add(alone=False, killed=True)

    assert not faults.add(alone=True, killed=True)


def test_who_gets_past_the_step_is_cleared() -> None:
    faults = RequestFaults()
    for killed in (True, False):
        faults.add(alone=killed, killed=killed)
        faults.clear()

    assert not faults.add(alone=True, killed=True)


def test_what_is_proven_is_not_cleared() -> None:
    faults = RequestFaults()
    faults.add(alone=True, killed=False)
    faults.clear()

    assert faults.add(alone=True, killed=False)


def test_workers_that_die_between_steps_are_counted() -> None:
    faults = RequestFaults()

    assert [faults.add_unexplained() for _ in range(MAX_UNEXPLAINED)] == [False, False, True]
