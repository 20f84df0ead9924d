"""The C structs of `include/packed_quantized_linear.h`."""

from __future__ import annotations

import ctypes

# Numbers of the C enum, by the values of `QuantizationEncoding`.
ENCODINGS = {
    "q8_0": 0,
    "q4_0": 1,
    "q4_1": 2,
    "q5_0": 3,
    "q5_1": 4,
    "q4_k": 5,
    "q5_k": 6,
    "q6_k": 7,
}


class PackedQuantizedLinearArgs(ctypes.Structure):
    """All of a call."""

    _fields_ = (
        ("x", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("in_features", ctypes.c_int64),
        ("x_stride", ctypes.c_int64),
        ("weights", ctypes.c_void_p),
        ("encodings", ctypes.c_void_p),
        ("num_weights", ctypes.c_int64),
        ("workspace", ctypes.c_void_p),
        ("type", ctypes.c_int32),
    )


class PackBlocksArgs(ctypes.Structure):
    """Of packing a weight."""

    _fields_ = (
        ("rows", ctypes.c_void_p),
        ("out_features", ctypes.c_int64),
        ("in_features", ctypes.c_int64),
        ("row_bytes", ctypes.c_int64),
        ("packed", ctypes.c_void_p),
        ("encoding", ctypes.c_int32),
    )
