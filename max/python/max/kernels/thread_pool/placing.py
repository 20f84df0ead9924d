"""Memory that is first written by the node whose threads will read it.

Linux puts a page on the node of the thread that writes to it first. A job's chunks are shared out
in sequence (cpu.cpp), so which node reads what of a weight is known before it is there:

    weight      |     node 0     |     node 1     |       alone in its job
    weights     | a  0  |  b  0  |  b 1  |  c  1  |       b from 1/3 to 2/3 of a job
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch

from max.driver.host_reserve import HUGE_PAGE
from max.kernels.memory import zeros_in_huge_pages
from max.kernels.thread_pool.cores import cpus_of_threads
from max.kernels.thread_pool.pool import num_threads

# New memory costs a thread more than a tenth of a second per gigabyte.
_MOST_WRITERS = 8


class JobPart(NamedTuple):
    """Where a weight's chunks are among those of the job that reads it, as fractions of them."""

    begin: float = 0.0
    end: float = 1.0


class NodeSpan(NamedTuple):
    """The bytes [first, last) that are read on a node, and its CPUs."""

    cpus: frozenset[int]
    first: int
    last: int


def node_spans(size: int, part: JobPart) -> list[NodeSpan]:
    """What each node's threads of the pool read of a weight; one span of it all on one node.

    Args:
        size: bytes of the weight, whose chunks are equally large.
        part: of the job that reads it.
    """
    cpus = cpus_of_threads(num_threads())
    nodes = list(dict.fromkeys(cpus))
    shares = [cpus.index(node) / len(cpus) for node in nodes] + [1.0]
    width = part.end - part.begin
    places = [min(max((share - part.begin) / width, 0.0), 1.0) * size for share in shares]
    ends = [min(size, round(place / HUGE_PAGE) * HUGE_PAGE) for place in places[:-1]] + [size]
    spans = zip(nodes, pairwise(ends), strict=True)
    return [NodeSpan(node, first, last) for node, (first, last) in spans]


def room_on_nodes(size: int, part: JobPart, content: torch.Tensor | None = None) -> torch.Tensor:
    """Memory, uint8 [size], of which each page is on the node that reads it.

    Args:
        size: bytes.
        part: of the job that will read it.
        content: uint8 [size], what is copied there; zeros unless given.
    """
    room = zeros_in_huge_pages([size], torch.uint8)

    def write(first: int, last: int) -> None:
        # Of the C library: the other writers go on meanwhile.
        if content is None:
            ctypes.memset(room.data_ptr() + first, 0, last - first)
        else:
            ctypes.memmove(room.data_ptr() + first, content.data_ptr() + first, last - first)

    write_on_nodes(node_spans(size, part), write)
    return room


def write_on_nodes(spans: list[NodeSpan], write: Callable[[int, int], None]) -> None:
    """Runs `write(first, last)` for pieces of each span, by threads of its node.

    Args:
        spans: what each node writes.
        write: must not raise.
    """
    writers = [
        threading.Thread(target=_write_bound, args=(span.cpus, write, *piece))
        for span in spans
        for piece in _pieces(span)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()


def _write_bound(
    cpus: frozenset[int], write: Callable[[int, int], None], first: int, last: int
) -> None:
    os.sched_setaffinity(0, cpus)
    write(first, last)


def _pieces(span: NodeSpan) -> list[tuple[int, int]]:
    pages = -(-(span.last - span.first) // HUGE_PAGE)
    count = min(pages, len(span.cpus), _MOST_WRITERS)
    ends = [span.first + pages * i // max(1, count) * HUGE_PAGE for i in range(count)]
    return [(first, min(last, span.last)) for first, last in pairwise([*ends, span.last])]
