"""Element types, and their names in torch and numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from max.dtype import DType

NOT_IN_NUMPY = (DType.bfloat16, DType.float8_e4m3fn)


@pytest.mark.parametrize("dtype", list(DType), ids=str)
def test_torch_has_each(dtype: DType) -> None:
    assert DType.from_torch(dtype.to_torch()) is dtype
    assert dtype.size_in_bytes == torch.empty(0, dtype=dtype.to_torch()).element_size()
    assert dtype.is_float() == dtype.to_torch().is_floating_point
    assert repr(dtype) == f"DType.{dtype}"


@pytest.mark.parametrize("dtype", [d for d in DType if d not in NOT_IN_NUMPY], ids=str)
def test_numpy_has_most(dtype: DType) -> None:
    assert DType.from_numpy(dtype.to_numpy()) is dtype
    assert dtype.to_numpy().itemsize == dtype.size_in_bytes


@pytest.mark.parametrize("dtype", NOT_IN_NUMPY, ids=str)
def test_numpy_lacks_some(dtype: DType) -> None:
    with pytest.raises(ValueError, match=f"numpy has no {dtype}; cast to float32 first"):
        dtype.to_numpy()


def test_kinds() -> None:
    kinds = {d: (d.is_float(), d.is_integral()) for d in DType}
    assert kinds[DType.bool] == (False, False)
    assert kinds[DType.uint32] == (False, True)
    assert kinds[DType.bfloat16] == (True, False)
    assert kinds[DType.float8_e4m3fn] == (True, False)


def test_other_types_are_refused() -> None:
    with pytest.raises(ValueError, match="no DType for 'complex64'; known: bool, int8"):
        DType.from_torch(torch.complex64)
    with pytest.raises(ValueError, match="no DType for 'str"):
        DType.from_numpy(np.dtype("U3"))
    assert DType.from_numpy(np.float32) is DType.float32


def test_only_one_type_has_eight_bits_of_floating_point() -> None:
    assert [dtype for dtype in DType if dtype.is_float8()] == [DType.float8_e4m3fn]
