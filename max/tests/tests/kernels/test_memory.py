"""Tensors that share blocks of huge pages."""

from __future__ import annotations

import torch

from max.driver.host_reserve import HUGE_PAGE
from max.kernels.memory import HugePages


def test_tensors_are_zero_and_side_by_side() -> None:
    pages = HugePages()
    first = pages.zeros([3, 5], torch.bfloat16)
    second = pages.zeros([7], torch.float32)
    assert first.shape == (3, 5) and not first.any() and not second.any()
    assert second.data_ptr() - first.data_ptr() == 64
    first.fill_(1)
    assert not second.any() and first.is_contiguous()


def test_what_a_block_has_no_room_for_gets_one_of_its_own() -> None:
    pages = HugePages()
    small = pages.zeros([8], torch.float32)
    large = pages.zeros([17 * HUGE_PAGE], torch.uint8)
    assert large.data_ptr() % 64 == 0 and large.nbytes == 17 * HUGE_PAGE
    small.fill_(1)
    assert not large[:64].any()
    assert pages.zeros([0, 4], torch.float32).shape == (0, 4)
