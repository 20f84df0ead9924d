"""Arrays in JSON: `{"__np__": base64 of the elements, "shape": [...], "dtype": "float32"}`."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

import numpy as np

_KEY = "__np__"


def dumps(value: object) -> str:
    """JSON text of plain values and numpy arrays and scalars."""
    return json.dumps(value, default=_encode)


def loads(text: str) -> Any:
    """The values of JSON text, arrays as numpy arrays.

    Raises:
        ValueError: if it is no JSON, or an array in it is broken.
    """
    return json.loads(text, object_hook=_decode)


def _encode(value: object) -> object:
    if isinstance(value, np.ndarray):
        elements = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode("ascii")
        return {_KEY: elements, "shape": list(value.shape), "dtype": str(value.dtype)}
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _decode(entry: dict[str, Any]) -> Any:
    if _KEY not in entry:
        return entry
    try:
        data = base64.b64decode(entry[_KEY], validate=True)
        array = np.frombuffer(data, dtype=np.dtype(entry["dtype"]))
        return array.reshape(entry["shape"]).copy()
    except (binascii.Error, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"broken array in JSON: {error}") from error
