"""Puts weights where a model reads them: on their devices, in their dtypes, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from max.driver import Buffer
from max.driver.host_nodes import node_cpus
from max.dtype import DType
from max.engine.model import CompiledModel
from max.engine.node_placing import parts_of_jobs
from max.graph import Weight
from max.graph.weights import WeightData
from max.kernels.layouts import WeightLayout
from max.kernels.layouts.pieces import ignore_rows
from max.kernels.memory import empty_in_huge_pages
from max.kernels.thread_pool.placing import JobPart, room_on_nodes


def place_weights(compiled: CompiledModel, registry: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """The weights of a model by name, each on its device.

    Args:
        compiled: the model that reads them.
        registry: array of any library, or an object with `to_buffer()`, by the weight's name.

    Raises:
        ValueError: naming every weight that is missing or has another shape or dtype.
    """
    problems: list[str] = []
    placed: dict[str, torch.Tensor] = {}
    parts = parts_of_jobs(compiled) if len(node_cpus()) > 1 else None
    for name, weight in compiled.weights.items():
        if name not in registry and not weight.is_bound:
            problems.append(f"'{name}' is missing")
            continue
        value = registry.get(name)
        tensor = weight.bound_tensor() if value is None else tensor_of(value)
        problem = mismatch(weight, tensor)
        if problem:
            problems.append(problem)
        elif name in compiled.layouts:
            layout = compiled.layouts[name]
            part = None if parts is None else parts.get(name, JobPart())
            placed[name] = _room_for(layout, torch.device(weight.device.to_torch()), part)
            layout.place(tensor, placed[name], _releaser(value, tensor))
        else:
            placed[name] = tensor.to(weight.device.to_torch())
    if problems:
        raise ValueError(f"weights of {compiled.name}: " + "; ".join(problems))
    return placed


def _room_for(layout: WeightLayout, device: torch.device, part: JobPart | None) -> torch.Tensor:
    if device.type == "cpu" and part is not None:
        return room_on_nodes(layout.nbytes, part)
    if device.type == "cpu":
        return empty_in_huge_pages([layout.nbytes], torch.uint8)
    return torch.zeros([layout.nbytes], dtype=torch.uint8, device=device)


def _releaser(value: Any, tensor: torch.Tensor) -> Callable[[int], None]:
    """What gives back the pages of a mapped file, row by row, once nobody reads them any more."""
    release_pages = getattr(value, "release_pages", None)
    if release_pages is None:
        return ignore_rows
    row_bytes = tensor.stride(0) * tensor.element_size() if tensor.is_contiguous() else 0

    def release(rows: int) -> None:
        is_whole = rows == tensor.shape[0]
        release_pages(None if is_whole else rows * row_bytes)

    return release


def tensor_of(value: Any) -> torch.Tensor:
    """The torch tensor of an array of any library, or of an object with `to_buffer()`."""
    buffer = value.to_buffer() if hasattr(value, "to_buffer") else Buffer.from_dlpack(value)
    assert isinstance(buffer, Buffer)
    return buffer.tensor


def mismatch(weight: Weight, value: torch.Tensor | WeightData) -> str | None:
    """How elements are not what a weight declares; None if they are."""
    expected = weight.type
    if list(expected.shape) != list(value.shape):
        return (
            f"Value provided to weight '{weight.name}' had different shape "
            f"(expected={expected.shape}, actual={list(value.shape)})"
        )
    dtype = value.dtype if isinstance(value.dtype, DType) else DType.from_torch(value.dtype)
    if expected.dtype is not dtype:
        return (
            f"Value provided to weight '{weight.name}' had different dtype "
            f"(expected={expected.dtype}, actual={dtype})"
        )
    return None
