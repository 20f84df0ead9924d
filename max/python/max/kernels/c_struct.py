"""C structs as kernels take them: fields of a kind in a row, tensors by their addresses."""

from __future__ import annotations

import ctypes
from typing import Any, TypeAlias

import torch

Fields: TypeAlias = tuple[tuple[str, Any], ...]


class CStruct(ctypes.Structure):
    """A struct of a header in `include/`, made of values in the order of its fields.

    It is valid as long as the tensors among them.
    """

    def __init__(self, *values: Any) -> None:
        super().__init__(
            *[each.data_ptr() if isinstance(each, torch.Tensor) else each for each in values]
        )


def pointers(*names: str) -> Fields:
    """Fields `void*`: of tensors, addresses, or None."""
    return tuple((name, ctypes.c_void_p) for name in names)


def int64s(*names: str) -> Fields:
    """Fields `int64_t`."""
    return tuple((name, ctypes.c_int64) for name in names)


def int32s(*names: str) -> Fields:
    """Fields `int32_t`, of bools too."""
    return tuple((name, ctypes.c_int32) for name in names)


def floats(*names: str) -> Fields:
    """Fields `float`."""
    return tuple((name, ctypes.c_float) for name in names)
