"""Buffers: tensors of torch, numpy and others, in one dress."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from max import driver
from max.driver import CPU, Buffer
from max.dtype import DType


def test_numpy_arrays_are_shared() -> None:
    array = np.zeros((2, 3), dtype=np.float32)
    buffer = Buffer.from_numpy(array)
    array[0, 0] = 5
    assert buffer[0, 0].item() == 5
    buffer.to_numpy()[1, 2] = 7
    assert array[1, 2] == 7


def test_read_only_arrays_are_copied() -> None:
    array = np.ones(3)
    array.flags.writeable = False
    buffer = Buffer.from_numpy(array)
    buffer.tensor[0] = 9
    assert array[0] == 1


def test_other_arrays_come_by_dlpack() -> None:
    class Foreign:
        """Speaks DLPack, and nothing else."""

        def __init__(self) -> None:
            self.array = np.array([1, 2])

        def __dlpack__(self, **options: object) -> object:
            return self.array.__dlpack__()

        def __dlpack_device__(self) -> object:
            return self.array.__dlpack_device__()

    assert Buffer.from_dlpack(Foreign()).tensor.tolist() == [1, 2]
    tensor = torch.ones(2, requires_grad=True)
    assert Buffer.from_dlpack(tensor).tensor.data_ptr() == tensor.data_ptr()
    assert not Buffer.from_dlpack(tensor).tensor.requires_grad
    buffer = Buffer(torch.ones(1))
    assert Buffer.from_dlpack(buffer) is buffer
    with pytest.raises(TypeError, match=r"expected an array \(numpy, torch, .*\), got list"):
        Buffer.from_dlpack([1, 2])


def test_buffers_speak_dlpack() -> None:
    buffer = Buffer.zeros([2], DType.int32)
    torch.utils.dlpack.from_dlpack(buffer)[0] = 3
    assert np.from_dlpack(buffer).tolist() == [3, 0]


def test_what_a_buffer_tells() -> None:
    buffer = Buffer.zeros([2, 3], DType.bfloat16, CPU())
    assert (buffer.shape, buffer.rank, len(buffer)) == ((2, 3), 2, 2)
    assert (buffer.dtype, buffer.element_size, buffer.num_elements) == (DType.bfloat16, 2, 6)
    assert buffer.device == CPU()
    assert repr(buffer) == "Buffer(bfloat16, [2, 3], cpu:0)"
    assert Buffer.scalar(2.5, DType.float32).item() == 2.5


def test_numpy_lacks_bfloat16() -> None:
    with pytest.raises(ValueError, match="numpy has no bfloat16; cast to float32 first"):
        Buffer.zeros([1], DType.bfloat16).to_numpy()


def test_views_and_copies() -> None:
    buffer = Buffer.from_numpy(np.arange(4, dtype=np.float32))
    assert buffer.view(DType.uint8).shape == (16,)
    assert buffer.view(DType.float32, (2, 2)).to_numpy().tolist() == [[0, 1], [2, 3]]
    copy = buffer.copy()
    copy.inplace_copy_from(Buffer.zeros([4], DType.float32))
    assert buffer[3].item() == 3
    assert copy[3].item() == 0
    assert buffer.to(CPU()).tensor.data_ptr() == buffer.tensor.data_ptr()


def test_the_old_name() -> None:
    assert driver.Tensor is Buffer


def test_new_buffers() -> None:
    for buffer in (
        Buffer(DType.int32, (2, 3)),
        Buffer(DType.int32, [2, 3], CPU()),
        Buffer(dtype=DType.int32, shape=(2, 3)),
    ):
        assert (buffer.dtype, buffer.shape, buffer.device) == (DType.int32, (2, 3), CPU())
    with pytest.raises(TypeError, match="needs a dtype and a shape"):
        Buffer(DType.int32)


def test_a_buffer_is_an_array_to_numpy() -> None:
    buffer = Buffer.from_numpy(np.arange(3, dtype=np.float32))
    array = np.asarray(buffer)
    assert array.dtype == np.float32
    array[0] = 7  # the buffer's own memory
    assert buffer[0].item() == 7
    assert np.asarray(buffer, np.int64).tolist() == [7, 1, 2]
