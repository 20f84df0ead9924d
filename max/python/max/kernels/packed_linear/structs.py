"""The C structs of `include/packed_linear.h`."""

from __future__ import annotations

import ctypes


class PackedWeight(ctypes.Structure):
    """One weight that is multiplied."""

    _fields_ = (
        ("packed", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("out", ctypes.c_void_p),
        ("out_features", ctypes.c_int64),
        ("out_stride", ctypes.c_int64),
    )


class PackedLinearArgs(ctypes.Structure):
    """All of a call."""

    _fields_ = (
        ("x", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("in_features", ctypes.c_int64),
        ("x_stride", ctypes.c_int64),
        ("weights", ctypes.c_void_p),
        ("num_weights", ctypes.c_int64),
        ("workspace", ctypes.c_void_p),
        ("type", ctypes.c_int32),
        ("weight_type", ctypes.c_int32),
    )


class PackRowsArgs(ctypes.Structure):
    """Of packing a weight."""

    _fields_ = (
        ("rows", ctypes.c_void_p),
        ("out_features", ctypes.c_int64),
        ("in_features", ctypes.c_int64),
        ("row_stride", ctypes.c_int64),
        ("packed", ctypes.c_void_p),
        ("type", ctypes.c_int32),
    )
