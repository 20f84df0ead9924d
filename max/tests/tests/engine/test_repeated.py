"""Tests of `max.engine.repeated`."""

from __future__ import annotations

import gc
import weakref

from max.engine.repeated import Repeated


class Argument:
    """Something that can be seen to go."""


def test_what_came_twice_in_a_row_is_found_by_the_same_objects() -> None:
    repeated: Repeated[str] = Repeated()
    first, second = [1], [2]
    repeated.keep((first, second), "once")
    assert repeated.find((first, second)) is None
    repeated.keep((first, second), "twice")
    assert repeated.find((first, second)) == "twice"
    first.append(3)
    assert repeated.find((first, second)) == "twice"


def test_equal_objects_fewer_and_others_are_not_the_same() -> None:
    repeated: Repeated[str] = Repeated()
    first, second = [1], [2]
    for _ in range(2):
        repeated.keep((first, second), "made")
    assert repeated.find(([1], second)) is None
    assert repeated.find((first,)) is None
    assert repeated.find(()) is None


def test_arguments_that_come_once_are_not_kept_alive() -> None:
    repeated: Repeated[str] = Repeated()
    argument = Argument()
    gone = weakref.ref(argument)
    repeated.keep((argument,), "made")
    del argument
    gc.collect()
    assert gone() is None


def test_others_end_what_was_kept() -> None:
    repeated: Repeated[str] = Repeated()
    argument = Argument()
    gone = weakref.ref(argument)
    for _ in range(2):
        repeated.keep((argument,), "made")
    del argument
    repeated.keep(("other",), "made")
    gc.collect()
    assert gone() is None


def test_nothing_is_found_after_all_was_forgotten() -> None:
    repeated: Repeated[str] = Repeated()
    argument = Argument()
    for _ in range(2):
        repeated.keep((argument,), "made")
    repeated.forget()
    assert repeated.find((argument,)) is None
