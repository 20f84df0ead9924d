"""Where the tensors of a recording lie."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
import torch

from max.engine.replay.memory import Layout, Memory, RegionTooSmall


def make_memory(nbytes: int) -> Memory:
    memory = Memory()
    memory.grow(nbytes)
    return memory


def start_of(memory: Memory, tensor: torch.Tensor) -> int:
    return tensor.data_ptr() - memory.region.data_ptr()


def test_a_tensor_lies_in_the_tightest_gap() -> None:
    memory = make_memory(4096)
    layout = Layout(memory)
    sizes = [256, 64, 128, 64, 64]
    blocks = [layout.take([size], torch.uint8) for size in sizes]
    assert [start for start, _ in blocks] == [0, 256, 320, 448, 512]
    assert all(start_of(memory, tensor) == start for start, tensor in blocks)
    layout.release(0)
    layout.release(320)
    assert layout.take([25, 4], torch.uint8)[0] == 320
    assert layout.take([130], torch.uint8)[0] == 0
    assert layout.take([64], torch.uint8)[0] == 192
    assert layout.take([1], torch.uint8)[0] == 576
    assert layout.nbytes == 640


def test_every_tensor_begins_where_a_cache_line_does() -> None:
    memory = make_memory(4096)
    layout = Layout(memory)
    for shape in ([3], [], [0], [5, 7]):
        assert layout.take(shape, torch.bfloat16)[1].data_ptr() % 64 == 0


def test_a_region_that_does_not_suffice() -> None:
    layout = Layout(make_memory(128))
    layout.take([128], torch.uint8)
    with pytest.raises(RegionTooSmall):
        layout.take([1], torch.uint8)


def test_views_lie_in_the_block_of_their_base() -> None:
    layout = Layout(make_memory(4096))
    (_, first), (_, second) = (layout.take([4, 16], torch.float32) for _ in range(2))
    assert layout.blocks_of([first[2:].T, 3, torch.zeros(4)]) == {0}
    assert layout.blocks_of((second.view(-1)[63:], first)) == {0, 256}


@pytest.mark.parametrize("seed", range(5))
def test_tensors_that_are_alive_never_share_memory(seed: int) -> None:
    """And without elements the same places are found."""
    choose = random.Random(seed)
    memory = make_memory(1 << 16)
    layout, planned = Layout(memory), Layout(Memory.without_elements())
    alive: list[torch.Tensor] = []
    for _ in range(200):
        if alive and choose.random() < 0.45:
            tensor = alive.pop(choose.randrange(len(alive)))
            layout.release(start_of(memory, tensor))
            planned.release(start_of(memory, tensor))
        else:
            shape = [choose.randrange(1, 400)]
            start, tensor = layout.take(shape, torch.uint8)
            assert planned.take(shape, torch.uint8)[0] == start
            alive.append(tensor)
        ends = sorted((t.data_ptr(), t.data_ptr() + t.nbytes) for t in alive)
        assert all(end <= start for (_, end), (start, _) in pairwise(ends))
    assert layout.nbytes == planned.nbytes


def test_nothing_is_taken_at_first() -> None:
    assert Memory().nbytes == 0
    assert Layout(make_memory(64)).nbytes == 0
