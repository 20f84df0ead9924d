"""Reading and writing buffers: the tensors that a graph may change."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch

from max.graph.call import call, call_effect
from max.graph.ops.arguments import as_tensor, dtype_of, fail, shape_of
from max.graph.tensor_value import TensorValue, TensorValueLike
from max.graph.value import BufferValue


def buffer_load(x: BufferValue) -> TensorValue:
    """The elements that the buffer has at this point of the graph; later stores do not show."""
    _check_buffer("buffer_load", x)
    return call("buffer_load", torch.clone, x)


def buffer_store(destination: BufferValue, source: TensorValueLike) -> None:
    """Overwrites the buffer with a tensor of its shape and dtype."""
    _check_buffer("buffer_store", destination)
    source = as_tensor("buffer_store", source)
    _check_fit("buffer_store", destination, source)
    copy = torch.ops.aten.copy_.default
    call_effect("buffer_store", copy, destination, source, result_shape=destination.shape)


def buffer_store_slice(
    destination: BufferValue, source: TensorValueLike, indices: Sequence[Any]
) -> None:
    """Overwrites `destination[indices]` (ints and slices) with a tensor of its shape and dtype."""
    op = "buffer_store_slice"
    _check_buffer(op, destination)
    source = as_tensor(op, source)
    if not all(isinstance(i, int | slice) or i is Ellipsis for i in indices):
        fail(op, f"indices must be ints, slices and '...', got {list(indices)}", destination)
    part = call(op, operator.getitem, destination, tuple(indices))
    _check_fit(op, part, source)
    call_effect(op, torch.ops.aten.copy_.default, part, source, result_shape=part.shape)


def _check_buffer(op: str, x: object) -> None:
    if not isinstance(x, BufferValue):
        fail(op, "takes a buffer: an input whose type is a BufferType", x)


def _check_fit(op: str, destination: BufferValue | TensorValue, source: Any) -> None:
    if shape_of(source) != destination.shape or dtype_of(source) is not destination.dtype:
        there = f"{destination.dtype} {destination.shape}"
        reason = f"cannot store {dtype_of(source)} {shape_of(source)} in {there}"
        fail(op, reason, destination, source)
