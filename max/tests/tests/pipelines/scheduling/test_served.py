"""What clients have had, while somebody waits."""

from __future__ import annotations

import pytest

from max.pipelines.scheduling import served as module
from max.pipelines.scheduling.served import ServedTokens

EQUAL = {"a": 1.0, "b": 1.0}


def make_served(*clients: str) -> ServedTokens:
    served = ServedTokens()
    for client in clients:
        served.begins_to_wait(client)
    return served


def test_tokens_count_for_the_client_s_weight() -> None:
    served = make_served("a", "b")
    served.add("a", 30, {"a": 3.0, "b": 1.0})
    served.add("a", 30, {"a": 3.0, "b": 1.0})
    served.add("b", 5, {"a": 3.0, "b": 1.0})
    assert (served.of("a"), served.of("b")) == (20, 5)


def test_nothing_is_counted_while_nobody_waits() -> None:
    served = make_served()
    served.add("a", 30, EQUAL)
    served.begins_to_wait("b")
    assert (served.of("a"), served.of("b")) == (0, 0)


def test_when_nobody_waits_all_begin_anew() -> None:
    served = make_served("a", "b")
    served.add("a", 30, EQUAL)
    served.waits_no_more("a")
    assert served.of("a") == 30
    served.waits_no_more("b")
    served.begins_to_wait("c")
    assert (served.of("a"), served.of("c")) == (0, 0)


def test_who_comes_is_not_owed_what_it_did_not_ask_for() -> None:
    served = make_served("a", "b")
    for _ in range(3):
        served.add("a", 30, EQUAL)
        served.add("b", 20, EQUAL)
    served.begins_to_wait("c")
    assert (served.of("b"), served.of("c")) == (60, 75)  # an equal share of 150
    served.waits_no_more("b")
    served.waits_no_more("c")
    served.begins_to_wait("d")
    assert served.of("d") == 90  # as "a", the only one that waits


def test_nobody_has_had_anything_at_first() -> None:
    assert make_served().of("a") == 0


def test_who_comes_when_all_that_wait_have_had_little_has_had_an_equal_share() -> None:
    served = make_served("a")
    served.add("b", 40, EQUAL)
    served.begins_to_wait("c")
    assert (served.of("a"), served.of("c")) == (0, 20)


def test_who_comes_back_keeps_what_it_had() -> None:
    served = make_served("a", "b")
    served.add("a", 30, EQUAL)
    served.waits_no_more("a")
    served.begins_to_wait("a")
    assert served.of("a") == 30


def test_a_newcomer_comes_behind_who_has_waited_while_others_had_as_much() -> None:
    served = make_served("large", "small")
    served.add("large", 1000, {"large": 1.0, "small": 1.0})
    for number in range(100):
        name = f"n{number}"
        served.begins_to_wait(name)
        served.waits_no_more(name)
        served.add(name, 20, {"large": 1.0, name: 1.0})
    assert served.of("n0") < served.of("large")
    served.begins_to_wait("last")
    assert served.of("last") > served.of("large")


def test_more_clients_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_CLIENTS", 3)
    served = make_served("a")
    for name in "bcd":
        served.begins_to_wait(name)
        served.waits_no_more(name)
        served.add(name, 8, {"a": 1.0, name: 1.0})
    assert (served.of("b"), served.of("d")) == (8, 16)  # 8, and an equal share of 8 + 8
    served.begins_to_wait("e")
    assert served.of("a") == 0
    assert served.of("b") == served.of("e") == 12  # an equal share


def test_who_comes_back_counts_as_having_had_an_equal_share() -> None:
    served = make_served("a", "b", "c")
    served.waits_no_more("a")
    served.add("b", 90, {"a": 1.0, "b": 1.0, "c": 1.0})
    served.begins_to_wait("a")
    assert (served.of("a"), served.of("b"), served.of("c")) == (30, 90, 0)
