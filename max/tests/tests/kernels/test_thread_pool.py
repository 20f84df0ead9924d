"""The thread pool: every chunk runs once, whoever calls, and idle threads sleep."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from max.kernels.native import load_kernel
from max.kernels.thread_pool import (
    available_cores,
    num_threads,
    pool_handle,
    set_num_threads,
)
from max.kernels.thread_pool.cores import cpus_of_threads
from max.kernels.thread_pool.pool import create_pool

_TASK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)


class Pool(ctypes.Structure):
    """The C struct of include/pool.h."""

    _fields_ = (
        ("threads", ctypes.c_int64),
        ("run", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, _TASK, ctypes.c_void_p)),
    )


@pytest.fixture
def pool() -> Iterator[int]:
    """The address of a pool of 4 threads."""
    library = load_kernel("thread_pool")
    assert library is not None
    address = create_pool(library, cpus_of_threads(4))
    yield address
    library.thread_pool_destroy(ctypes.c_void_p(address))


@pytest.fixture
def default_threads() -> Iterator[None]:
    yield
    set_num_threads(None)


def run(pool: int, chunks: int) -> list[int]:
    """The chunks that ran."""
    ran: list[int] = []
    task = _TASK(lambda _, chunk: ran.append(chunk))
    Pool.from_address(pool).run(pool, chunks, task, None)
    return ran


def test_every_chunk_runs_once(pool: int) -> None:
    assert Pool.from_address(pool).threads == 4
    for chunks in (0, 1, 2, 3, 4, 5, 100, 1000):
        for _ in range(20):
            assert sorted(run(pool, chunks)) == list(range(chunks))


def test_several_threads_may_call_at_once(pool: int) -> None:
    failed: list[list[int]] = []

    def call() -> None:
        for _ in range(100):
            ran = run(pool, 7)
            if sorted(ran) != list(range(7)):
                failed.append(ran)

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not failed


def test_a_task_may_call_back(pool: int) -> None:
    inner: list[int] = []
    task = _TASK(lambda _, chunk: inner.extend(run(pool, 3)))
    Pool.from_address(pool).run(pool, 5, task, None)
    assert sorted(inner) == sorted([0, 1, 2] * 5)


def test_chunks_run_on_several_threads(pool: int) -> None:
    """Two chunks that wait for each other end only if two threads run them."""
    both = threading.Barrier(2, timeout=30)
    task = _TASK(lambda _, chunk: both.wait() and None)
    Pool.from_address(pool).run(pool, 2, task, None)
    assert not both.broken


def test_an_idle_pool_costs_nothing(pool: int) -> None:
    run(pool, 100)
    deadline = time.monotonic() + 30
    while _running_helpers() and time.monotonic() < deadline:
        os.sched_yield()
    assert not _running_helpers()


def _running_helpers() -> int:
    """Threads of this process, besides this one, that are not asleep."""
    here = str(threading.get_native_id())
    running = 0
    for task in Path("/proc/self/task").iterdir():
        state = (task / "stat").read_text().rpartition(") ")[2][0]
        running += task.name != here and state == "R"
    return running


def test_threads_are_as_many_as_asked(default_threads: None) -> None:
    for threads in (3, 1):
        set_num_threads(threads)
        handle = pool_handle()
        assert handle is not None
        assert (
            Pool.from_address(handle).threads == num_threads() == torch.get_num_threads() == threads
        )
    with pytest.raises(ValueError, match="num_threads must be at least 1, got 0"):
        set_num_threads(0)


@pytest.mark.parametrize(("told", "expected"), [("1", 1), ("", 8), ("no number", 8), ("99", 8)])
def test_the_default_heeds_openmp_s_limit(
    told: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("max.kernels.thread_pool.pool.available_cores", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    assert num_threads() == expected


def make_cpus(root: Path, siblings: list[str]) -> Path:
    for cpu, text in enumerate(siblings):
        folder = root / f"cpu{cpu}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(text + "\n")
    return root


@pytest.mark.parametrize(
    ("allowed", "limit", "expected"),
    [
        ({0, 1, 2, 3}, None, 2),
        ({0, 1, 2, 3}, "max 100000", 2),
        ({0, 2}, None, 1),
        ({0, 1, 2, 3}, "150000 100000", 2),
        ({0, 1, 2, 3}, "50000 100000", 1),
    ],
)
def test_cores_are_physical_allowed_and_within_the_quota(
    allowed: set[int],
    limit: str | None,
    expected: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: allowed)
    make_cpus(tmp_path / "sys/devices/system/cpu", ["0,2", "1,3", "0,2", "1,3"])
    if limit is not None:
        unit = tmp_path / "sys/fs/cgroup/system.slice/model.service"
        unit.mkdir(parents=True)
        (unit / "cpu.max").write_text(limit + "\n")
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/cgroup").write_text("0::/system.slice/model.service\n")
    assert available_cores(tmp_path) == expected
