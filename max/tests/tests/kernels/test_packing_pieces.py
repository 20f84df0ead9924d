"""Weights are packed in pieces."""

from itertools import pairwise

import pytest
import torch

from max.kernels.layouts import Panels
from max.kernels.layouts import pieces as packing_pieces
from max.kernels.layouts.pieces import pieces
from tests.kernels.panels import placed


def test_pieces_are_whole_panels_and_all_rows() -> None:
    found = list(pieces(rows=1000, row_bytes=2**20, panel=64))
    assert found[0] == (0, 64) and found[-1] == (960, 1000)
    assert all(last == first for (_, last), (first, _) in pairwise(found))


def test_small_weights_are_one_piece() -> None:
    assert list(pieces(rows=1000, row_bytes=8, panel=64)) == [(0, 1000)]


def test_packing_in_pieces_is_packing(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = torch.randn(300, 70)
    layout = Panels(300, 70, "float32")
    whole, _ = placed(layout, weight)
    told: list[int] = []
    monkeypatch.setattr(packing_pieces, "_PIECE_BYTES", 64 * 70 * 4)
    in_pieces = torch.empty_like(whole)
    layout.place(weight, in_pieces, told.append)
    assert torch.equal(in_pieces, whole)
    assert told[-1] == 300
