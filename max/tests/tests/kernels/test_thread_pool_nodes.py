"""The thread pool on several NUMA nodes, each a CPU of this machine: who runs where, who takes
chunks of whom, and whether memory is placed where it is read.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from max.kernels.layouts import Panels
from max.kernels.native import load_kernel
from max.kernels.packed_linear.cpu import make_packed_linear_record
from max.kernels.thread_pool.cores import cpus_of_threads
from max.kernels.thread_pool.placing import (
    JobPart,
    NodeSpan,
    node_spans,
    room_on_nodes,
    write_on_nodes,
)
from max.kernels.thread_pool.pool import create_pool

TASK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
RUN = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)
ANYWHERE = frozenset(os.sched_getaffinity(0))
needs_two = pytest.mark.skipif(len(ANYWHERE) < 2, reason="needs two CPUs")


class Pool(ctypes.Structure):
    """The C struct of include/pool.h."""

    _fields_ = (("threads", ctypes.c_int64), ("run", RUN))


@contextlib.contextmanager
def made_pool(cpus: list[frozenset[int]]) -> Iterator[int]:
    library = load_kernel("thread_pool")
    assert library is not None
    address = create_pool(library, cpus)
    yield address
    library.thread_pool_destroy(ctypes.c_void_p(address))


def run(pool: int, chunks: int, task: object) -> None:
    Pool.from_address(pool).run(pool, chunks, ctypes.cast(task, ctypes.c_void_p), None)  # type: ignore[arg-type]


def two_nodes() -> tuple[frozenset[int], frozenset[int]]:
    """Two of this machine's CPUs as a node each."""
    first, second = sorted(ANYWHERE)[:2]
    return frozenset({first}), frozenset({second})


def make_machine(root: Path, nodes: list[str], siblings: list[str]) -> Path:
    """A /sys of nodes, and of CPUs with the hardware threads of their cores."""
    for i, text in enumerate(nodes):
        folder = root / f"sys/devices/system/node/node{i}"
        folder.mkdir(parents=True)
        (folder / "cpulist").write_text(text + "\n")
    for cpu, text in enumerate(siblings):
        folder = root / f"sys/devices/system/cpu/cpu{cpu}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(text + "\n")
    return root


def test_nodes_have_threads_as_they_have_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Four cores of two hardware threads on the first node, two of one on the second.
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(10)))
    siblings = [f"{cpu % 4},{cpu % 4 + 4}" for cpu in range(8)] + ["8", "9"]
    root = make_machine(tmp_path, ["0-7", "8-9"], siblings)
    first, second = frozenset(range(8)), frozenset({8, 9})
    assert cpus_of_threads(6, root) == [first] * 4 + [second] * 2
    assert cpus_of_threads(3, root) == [first] * 2 + [second]
    assert cpus_of_threads(1, root) == [first]
    assert cpus_of_threads(64, root).count(second) == 21


@needs_two
def test_helpers_stay_on_their_node_and_the_caller_is_free() -> None:
    first, second = two_nodes()
    before = set(os.listdir("/proc/self/task"))
    with made_pool([first, first, second, second]) as pool:
        # Every thread is in the job, so each helper has bound itself.
        all_in = threading.Barrier(4, timeout=30)
        affinities: dict[int, set[int]] = {}

        def chunk(_: int | None, number: int) -> None:
            all_in.wait()
            affinities[threading.get_native_id()] = os.sched_getaffinity(0)

        run(pool, 4, TASK(chunk))
        helpers = [affinities[int(task)] for task in set(os.listdir("/proc/self/task")) - before]
    assert sorted(helpers, key=sorted) == sorted([first, second, second], key=sorted)
    assert affinities[threading.get_native_id()] == ANYWHERE == os.sched_getaffinity(0)


def test_on_one_node_nothing_is_bound() -> None:
    with made_pool([ANYWHERE, ANYWHERE]) as pool:
        both, found = threading.Barrier(2, timeout=30), []

        def chunk(_: int | None, number: int) -> None:
            both.wait()
            found.append(os.sched_getaffinity(0))

        run(pool, 2, TASK(chunk))
    assert found == [ANYWHERE, ANYWHERE]


@needs_two
def test_chunks_of_the_own_node_are_taken_first() -> None:
    first, second = two_nodes()
    with made_pool([first, first, second, second]) as pool:
        all_in, is_done = threading.Barrier(4, timeout=30), threading.Event()
        order: list[int] = []

        def chunk(_: int | None, number: int) -> None:
            if number % 4 == 0:  # each thread's first
                all_in.wait()
            if number in (0, 4, 8):  # three threads wait until the fourth has done all the rest
                assert is_done.wait(timeout=30)
            else:
                order.append(number)
            if len(order) == 13:
                is_done.set()

        run(pool, 16, TASK(chunk))
    # Its own, those of its node's other thread, those of the first node.
    assert order == [12, 13, 14, 15, 9, 10, 11, 1, 2, 3, 5, 6, 7]


@needs_two
def test_memory_is_written_by_the_node_that_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = two_nodes()
    monkeypatch.setattr(
        "max.kernels.thread_pool.placing.cpus_of_threads", lambda count: [first, second]
    )
    spans = node_spans(10 * 2**21 + 5, JobPart())
    assert spans == [NodeSpan(first, 0, 5 * 2**21), NodeSpan(second, 5 * 2**21, 10 * 2**21 + 5)]
    written: dict[int, set[int]] = {}

    def write(begin: int, end: int) -> None:
        written[begin] = os.sched_getaffinity(0)

    write_on_nodes(spans, write)
    assert written == {0: first, 5 * 2**21: second}
    content = torch.arange(2**22 + 3).to(torch.uint8)
    assert torch.equal(room_on_nodes(len(content), JobPart(0.2, 0.7), content), content)
    assert not room_on_nodes(2**22 + 3, JobPart()).any()


class Weight:
    """A weight of some rows in panels, and what becomes of it in a product."""

    def __init__(self, rows: int, columns: int, encoding: str) -> None:
        self.layout = Panels(rows, columns, encoding)
        self.packed = torch.zeros(self.layout.nbytes, dtype=torch.uint8)


def panels_of_thread(weights: list[Weight], thread: int, threads: int) -> list[list[int]]:
    """Which panels of each weight a thread multiplies that takes no others' chunks."""
    columns = weights[0].layout.columns

    def run_own(pool: int, count: int, task: int, context: int) -> None:
        for chunk in range(count * thread // threads, count * (thread + 1) // threads):
            TASK(task)(context, chunk)

    record = make_packed_linear_record()
    assert record is not None
    recording = record(
        lambda shape, dtype: torch.full(tuple(shape), 99).to(dtype),
        torch.zeros(1, columns, dtype=torch.bfloat16),
        [weight.packed for weight in weights],
        [None] * len(weights),
        [weight.layout.rows for weight in weights],
        [weight.layout.encoding for weight in weights],
    )
    assert recording is not None
    pool = Pool(threads, RUN(run_own))
    recording.call.function(ctypes.addressof(recording.call.args), ctypes.addressof(pool))
    width = 64 if weights[0].layout.encoding == "bfloat16" else 32
    return [
        [i for i, panel in enumerate(out[-1].split(width)) if (panel != 99).any()]
        for out in recording.result
    ]


@pytest.mark.parametrize("encoding", ["bfloat16", "q8_0", "q4_k"])
@pytest.mark.parametrize("threads", [2, 8, 64])
@pytest.mark.parametrize("outputs", [[8192], [2048, 512, 512]])
def test_a_thread_multiplies_what_its_node_has(
    encoding: str, threads: int, outputs: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = [frozenset({0}), frozenset({1})]
    monkeypatch.setattr(
        "max.kernels.thread_pool.placing.cpus_of_threads",
        lambda count: [nodes[2 * i // threads] for i in range(threads)],
    )
    # Panels of the sizes of real ones, without their columns.
    monkeypatch.setattr("max.kernels.thread_pool.placing.HUGE_PAGE", 1)
    weights = [Weight(rows, 256, encoding) for rows in outputs]
    begin, total = 0, sum(outputs)
    spans = []
    for weight, rows in zip(weights, outputs, strict=True):
        part = JobPart(begin / total, (begin + rows) / total)
        spans.append(node_spans(weight.layout.nbytes, part))
        begin += rows
    multiplied = 0
    for thread in range(threads):
        read = panels_of_thread(weights, thread, threads)
        for weight, own, panels in zip(weights, spans, read, strict=True):
            node = own[2 * thread // threads]
            width = 64 if encoding == "bfloat16" else 32
            size = weight.layout.nbytes // (weight.layout.rows // width)
            for panel in panels:  # at most a part of the one at the border is elsewhere
                assert node.first - size < panel * size and (panel + 1) * size < node.last + size
            multiplied += len(panels) * width
    assert multiplied == total
