"""The C struct of `include/flash_attention_ragged.h`."""

from __future__ import annotations

import ctypes


class FlashAttentionRaggedArgs(ctypes.Structure):
    """All of a call; the batch and the cache's shape are spelled out."""

    _fields_ = (
        ("q", ctypes.c_void_p),
        ("kv_blocks", ctypes.c_void_p),
        ("out", ctypes.c_void_p),
        ("offsets", ctypes.c_void_p),
        ("past", ctypes.c_void_p),
        ("lookup", ctypes.c_void_p),
        ("requests", ctypes.c_int64),
        ("lookup_width", ctypes.c_int64),
        ("page_stride", ctypes.c_int64),
        ("layers", ctypes.c_int64),
        ("page_size", ctypes.c_int64),
        ("kv_heads", ctypes.c_int64),
        ("stored", ctypes.c_int64),
        ("token_stride", ctypes.c_int64),
        ("head_stride", ctypes.c_int64),
        ("layer", ctypes.c_int64),
        ("heads", ctypes.c_int64),
        ("window", ctypes.c_int64),
        ("chunk", ctypes.c_int64),
        ("sinks", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("span", ctypes.c_int64),
        ("scale", ctypes.c_float),
        ("softcap", ctypes.c_float),
        ("causal", ctypes.c_int32),
        ("shares_values", ctypes.c_int32),
        ("q_type", ctypes.c_int32),
        ("kv_type", ctypes.c_int32),
        ("sinks_type", ctypes.c_int32),
    )
