"""Ops that are registered with `torch.library`, called by their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from max.driver import Device
from max.graph.call import call_multiple
from max.graph.ops.arguments import fail
from max.graph.shape import Shape
from max.graph.tensor_value import TensorValue
from max.graph.type import DeviceRef, TensorType


def custom(
    name: str,
    device: DeviceRef | Device | None = None,
    values: Sequence[Any] = (),
    out_types: Sequence[TensorType] | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> list[TensorValue]:
    """Calls an op that writes to none of its operands.

    Args:
        name: "namespace::op", with which it was registered with `torch.library`.
        device: where its results are; checked when given.
        values: its operands, in the order of its schema.
        out_types: its results' types; checked when given. New symbolic dims name their sizes.
        parameters: further arguments by name.

    Raises:
        ValueError: if there is no such op, it writes to operands, or its results are others.
    """
    op = _find(name)
    if op._schema.is_mutable:
        fail(name, f"writes to its operands ({op._schema}): call it by ops.inplace_custom")
    return _called(op, name, device, values, out_types, parameters)


def inplace_custom(
    name: str,
    device: DeviceRef | Device | None = None,
    values: Sequence[Any] = (),
    out_types: Sequence[TensorType] | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> list[TensorValue]:
    """`custom` for an op that may write to its operands; those it writes to are buffers."""
    return _called(_find(name), name, device, values, out_types, parameters)


def _find(name: str) -> Any:
    namespace, _, op = name.partition("::")
    found = getattr(getattr(torch.ops, namespace, None), op, None) if op else None
    if found is None:
        reason = "no op of this name is registered; was the module that defines it imported?"
        fail("custom", f"{reason} (names are 'namespace::op', got {name!r})")
    return getattr(found, "default", found)


def _called(
    op: Any,
    name: str,
    device: DeviceRef | Device | None,
    values: Sequence[Any],
    out_types: Sequence[TensorType] | None,
    parameters: Mapping[str, Any] | None,
) -> list[TensorValue]:
    given: Any = call_multiple(name, op, *values, **(parameters or {}))
    results = [given] if isinstance(given, TensorValue) else list(given or ())
    for result in results:
        if device is not None and result.device != DeviceRef.from_device(device):
            fail(name, f"its result is on {result.device}, not on {device}", result)
    return results if out_types is None else _typed(name, results, out_types)


def _typed(
    name: str, results: Sequence[TensorValue], types: Sequence[TensorType]
) -> list[TensorValue]:
    if len(results) != len(types):
        fail(name, f"gives {len(results)} results, out_types has {len(types)}", *results)
    for result, type in zip(results, types, strict=True):
        if result.dtype is not type.dtype or result.rank != type.rank:
            fail(name, f"its result is {result.dtype} {result.shape}, out_types says {type}")
    return [
        r if r.shape == Shape(t.shape) else r.rebind(t.shape)
        for r, t in zip(results, types, strict=True)
    ]
