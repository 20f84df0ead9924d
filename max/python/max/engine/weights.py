"""Puts weights where a model reads them: on their devices, in their dtypes, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from max.driver import Buffer
from max.engine.model import CompiledModel
from max.engine.packing import packed
from max.graph import Weight


def place_weights(compiled: CompiledModel, registry: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """The weights and constants of a model by name, each on its device.

    Args:
        compiled: the model that reads them.
        registry: array of any library, or an object with `to_buffer()`, by the weight's name.

    Raises:
        ValueError: naming every weight that is missing or has another shape or dtype.
    """
    problems: list[str] = []
    placed = dict(compiled.constants)
    for name, weight in compiled.weights.items():
        if name not in registry and not weight.is_bound:
            problems.append(f"'{name}' is missing")
            continue
        tensor = tensor_of(registry[name]) if name in registry else weight.bound_tensor()
        problem = mismatch(weight, tensor)
        if problem:
            problems.append(problem)
        elif name in compiled.packed_weights:
            placed[name] = packed(weight, tensor)
        else:
            placed[name] = tensor.to(weight.device.to_torch())
    if problems:
        raise ValueError(f"weights of {compiled.name}: " + "; ".join(problems))
    return placed


def tensor_of(value: Any) -> torch.Tensor:
    """The torch tensor of an array of any library, or of an object with `to_buffer()`."""
    buffer = value.to_buffer() if hasattr(value, "to_buffer") else Buffer.from_dlpack(value)
    assert isinstance(buffer, Buffer)
    return buffer.tensor


def mismatch(weight: Weight, tensor: torch.Tensor) -> str | None:
    """How a tensor is not what a weight declares; None if it is."""
    expected = weight.type
    if list(expected.shape) != list(tensor.shape):
        return (
            f"Value provided to weight '{weight.name}' had different shape "
            f"(expected={expected.shape}, actual={list(tensor.shape)})"
        )
    if expected.dtype.to_torch() != tensor.dtype:
        actual = str(tensor.dtype).removeprefix("torch.")
        return (
            f"Value provided to weight '{weight.name}' had different dtype "
            f"(expected={expected.dtype}, actual={actual})"
        )
    return None
