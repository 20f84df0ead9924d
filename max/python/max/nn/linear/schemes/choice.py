"""Which scheme a layer has: the tensors of the checkpoint decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.dtype import DType
from max.graph import DeviceRef
from max.nn.linear.schemes.plain import Plain
from max.nn.linear.schemes.scaled import Scaled
from max.nn.linear.schemes.scheme import LinearScheme
from max.nn.module import stored_by_module

# Of several tensors; each says whether a layer's are its own.
_SCHEMES = (Scaled,)


def scheme_of(stored: Mapping[str, Any]) -> LinearScheme:
    """The scheme of a layer.

    Args:
        stored: its tensors in the checkpoint by attribute, of any kind that has dtype and shape.
    """
    found = (scheme.of(stored) for scheme in _SCHEMES)
    return next((scheme for scheme in found if scheme is not None), Plain())


def stored_in_schemes(state_dict: Mapping[str, Any]) -> set[str]:
    """The names of the weights that are parts of a matrix of several tensors: they stay as they
    are stored, since only their scheme knows what they stand for."""
    names: set[str] = set()
    for path, stored in stored_by_module(state_dict).items():
        scheme = scheme_of(stored)
        if isinstance(scheme, Plain):
            continue
        parts = scheme.weights([0, 0], DType.float32, DeviceRef.CPU())
        names.update(path + name for name in parts)
    return names
