"""Tests of `max.serve.suspicion`; `test_fault_properties.py` has them at work."""

from __future__ import annotations

import pytest

from max.serve.suspicion import MAX_UNEXPLAINED, Suspicion


@pytest.mark.parametrize("killed", [True, False])
def test_second_fault_in_steps_of_its_own_is_one_too_many(killed: bool) -> None:
    suspicion = Suspicion()

    assert not suspicion.add(alone=True, killed=killed)
    assert suspicion.add(alone=True, killed=killed)


def test_fault_that_was_shared_counts_when_the_next_one_is_not() -> None:
    suspicion = Suspicion()

    assert not suspicion.add(alone=False, killed=False)
    assert suspicion.add(alone=True, killed=False)


def test_shared_faults_alone_never_suffice() -> None:
    suspicion = Suspicion()

    assert not any(suspicion.add(alone=False, killed=False) for _ in range(10))


def test_worker_that_was_killed_speaks_against_nobody_who_shared_the_step() -> None:
    suspicion = Suspicion()
    suspicion.add(alone=False, killed=True)

    assert not suspicion.add(alone=True, killed=True)


def test_who_gets_past_the_step_is_cleared() -> None:
    suspicion = Suspicion()
    for killed in (True, False):
        suspicion.add(alone=killed, killed=killed)
        suspicion.clear()

    assert not suspicion.add(alone=True, killed=True)


def test_what_is_proven_is_not_cleared() -> None:
    suspicion = Suspicion()
    suspicion.add(alone=True, killed=False)
    suspicion.clear()

    assert suspicion.add(alone=True, killed=False)


def test_workers_that_die_between_steps_are_counted() -> None:
    suspicion = Suspicion()

    assert [suspicion.add_unexplained() for _ in range(MAX_UNEXPLAINED)] == [False, False, True]
