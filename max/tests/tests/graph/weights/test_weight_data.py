"""A weight's elements."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from max.dtype import DType
from max.graph import Shape
from max.graph.weights import WeightData

HALF = torch.tensor([[1.5, 2.5]], dtype=torch.bfloat16)


def make_half() -> WeightData:
    """A bfloat16 weight."""
    return WeightData(HALF, "half", DType.bfloat16, Shape(HALF.shape))


def test_from_numpy_shares_memory() -> None:
    array = np.zeros((2, 3), dtype=np.float32)
    weight = WeightData.from_numpy(array, "w")
    assert (weight.name, weight.dtype) == ("w", DType.float32)
    assert weight.shape == [2, 3]
    array[0, 0] = 7
    assert weight.to_buffer().tensor[0, 0] == 7
    assert repr(weight) == "WeightData('w', float32, [2, 3])"


def test_bfloat16_goes_by_torch() -> None:
    weight = make_half()
    assert weight.to_buffer().tensor.data_ptr() == HALF.data_ptr()
    assert torch.equal(torch.utils.dlpack.from_dlpack(weight), HALF)
    with pytest.raises(ValueError, match="numpy has no bfloat16"):
        weight.to_numpy()


def test_astype() -> None:
    wide = make_half().astype(DType.float32)
    assert (wide.dtype, wide.name) == (DType.float32, "half")
    assert wide.shape == [1, 2]
    assert np.asarray(wide).tolist() == [[1.5, 2.5]]
    assert np.from_dlpack(wide).tolist() == [[1.5, 2.5]]
    assert wide.astype(DType.float32) is wide
    assert wide.astype(DType.bfloat16).to_buffer().tensor.equal(HALF)


def test_what_is_told_must_be_what_there_is() -> None:
    weight = make_half()
    weight.data = HALF.T
    with pytest.raises(ValueError, match=r"weight 'half' says bfloat16 \[1, 2\], but its data is"):
        weight.to_buffer()
