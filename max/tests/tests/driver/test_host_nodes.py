"""NUMA nodes, as Linux tells of them."""

import os
from pathlib import Path

import pytest

from max.driver.host_nodes import node_cpus
from max.driver.host_reserve import end_reserve, reserve_memory, take_reserved


def make_nodes(root: Path, lists: dict[int, str]) -> Path:
    """A /sys with the CPUs of nodes by their numbers."""
    for node, cpus in lists.items():
        folder = root / f"sys/devices/system/node/node{node}"
        folder.mkdir(parents=True)
        (folder / "cpulist").write_text(cpus + "\n")
    return root


@pytest.mark.parametrize(
    ("lists", "allowed", "expected"),
    [
        ({0: "0-3", 1: "4-7"}, range(8), [{0, 1, 2, 3}, {4, 5, 6, 7}]),
        ({0: "0-3,8-11", 1: "4-7,12-15"}, range(2, 10), [{2, 3, 8, 9}, {4, 5, 6, 7}]),
        ({0: "0-3", 1: "4-7"}, [1, 2], [{1, 2}]),
        (
            {0: "0-1", 2: "4", 10: "2-3", 1: ""},
            range(5),
            [{0, 1}, {4}, {2, 3}],
        ),  # 1 has memory only
        ({}, [0, 5], [{0, 5}]),
        ({0: "0-1"}, [0, 1, 2], [{0, 1, 2}]),  # a system that does not tell of all
    ],
)
def test_nodes_are_those_of_the_cpus_that_the_process_may_use(
    lists: dict[int, str],
    allowed: list[int],
    expected: list[set[int]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(allowed))
    assert node_cpus(make_nodes(tmp_path, lists)) == expected


def test_this_machine_has_nodes() -> None:
    assert frozenset().union(*node_cpus()) == os.sched_getaffinity(0)


def test_no_memory_is_taken_ahead_for_several_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [frozenset({0}), frozenset({1})]
    monkeypatch.setattr("max.driver.host_reserve.node_cpus", lambda: nodes)
    reserve_memory(1000)
    assert take_reserved(1) is None
    end_reserve()
