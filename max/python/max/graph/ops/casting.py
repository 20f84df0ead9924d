"""Changes of a tensor's dtype and device."""

from __future__ import annotations

from typing import Any

import torch

from max.driver import Device
from max.dtype import DType
from max.graph.call import call
from max.graph.ops.arguments import as_tensor, dtype_of, fail, is_wide_unsigned
from max.graph.tensor_value import TensorValue, TensorValueLike
from max.graph.type import DeviceRef


def cast(x: TensorValueLike, dtype: DType) -> TensorValue:
    """The elements of `x` converted to `dtype`, as torch's `Tensor.to` does.

    Raises:
        ValueError: if `x` is not a tensor, or `dtype` not a DType.
    """
    x = as_tensor("cast", x)
    if not isinstance(dtype, DType):
        fail("cast", f"dtype must be a DType, got {dtype!r}", x)
    if isinstance(x, TensorValue) and x.dtype is dtype:
        return x
    return call("cast", torch.Tensor.to, x, dtype.to_torch())


def transfer_to(x: TensorValueLike, device: DeviceRef | Device) -> TensorValue:
    """`x` on `device`: itself when it is there already."""
    x = as_tensor("transfer_to", x)
    target = DeviceRef.from_device(device)
    if isinstance(x, TensorValue) and x.device == target:
        return x
    return call("transfer_to", torch.Tensor.to, x, target.to_torch())


def widened(x: Any) -> Any:
    """Unsigned integers that torch cannot compute with become int64; the rest stays as it is.

    uint64 values of 2**63 and more wrap: sums and products come out right when they are cast
    back, comparisons and quotients do not.
    """
    return cast(x, DType.int64) if is_wide_unsigned(x) else x


def restored(result: TensorValue, like: Any) -> TensorValue:
    """A result of `widened` operands in the dtype that they had."""
    return cast(result, dtype_of(like)) if is_wide_unsigned(like) else result
