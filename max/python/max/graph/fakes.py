"""What shape checking sees of a graph's tensors, each kind once.

Running an op on fake tensors costs milliseconds where sizes are symbolic, and the layers of a model
ask the same again and again. A fake tensor is only read for its type, so all of one type are one
object, and what an op gave for some types it gives for them again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import torch

Size = int | torch.SymInt


class Fakes:
    """The fake tensors of one graph; to be used in its fake mode."""

    def __init__(self) -> None:
        self._tensors: dict[Hashable, torch.Tensor] = {}
        self._results: dict[Hashable, Any] = {}

    def empty(
        self, sizes: Sequence[Size], dtype: torch.dtype, device: torch.device
    ) -> torch.Tensor:
        """Returns the contiguous fake tensor of a type."""
        key = (tuple(map(_size, sizes)), dtype, device)
        if key not in self._tensors:
            made = torch.empty(list(sizes), dtype=dtype, device=device)
            self._tensors[key] = self._only(made)
        return self._tensors[key]

    def run(self, target: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Returns what `target` gives for fake operands: one tensor, several or none."""
        key = (target, _key(args), _key(kwargs))
        if key not in self._results:
            result = target(*args, **kwargs)
            if not _symbols(result) <= _symbols((args, kwargs)):
                # The data decides sizes of the result, and torch remembers them on the operand,
                # which here stands for many: each time they are those of an operand of its own.
                return target(*_each(args, _another), **_each(kwargs, _another))
            self._results[key] = _each(result, self._only)
        return self._results[key]

    def _only(self, tensor: torch.Tensor) -> torch.Tensor:
        """Returns the one fake tensor of this one's type and layout."""
        return self._tensors.setdefault(_layout(tensor), tensor)


def _size(size: Any) -> Hashable:
    if isinstance(size, torch.SymInt | torch.SymFloat):
        size = size.node.expr
    known: Hashable = size
    return known


def _layout(tensor: torch.Tensor) -> Hashable:
    sizes = tuple(map(_size, tensor.shape))
    strides = tuple(map(_size, tensor.stride()))
    return (sizes, strides, _size(tensor.storage_offset()), tensor.dtype, tensor.device)


def _key(value: Any) -> Hashable:
    """Returns what tells an operand from others: a tensor's type, a size, or the value itself."""
    if isinstance(value, dict):
        return tuple((name, _key(item)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return (type(value), *map(_key, value))
    if isinstance(value, slice):
        return (slice, _key(value.start), _key(value.stop), _key(value.step))
    if isinstance(value, torch.Tensor):
        return _layout(value)
    return (type(value), _size(value))


def _another(tensor: torch.Tensor) -> torch.Tensor:
    sizes, strides = tensor.shape, tensor.stride()
    return torch.empty_strided(sizes, strides, dtype=tensor.dtype, device=tensor.device)


def _each(value: Any, function: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    if isinstance(value, dict):
        return {name: _each(item, function) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_each(item, function) for item in value)
    return function(value) if isinstance(value, torch.Tensor) else value


def _symbols(value: Any) -> set[Any]:
    """Returns the symbols in the sizes of a tree of operands."""
    if isinstance(value, torch.Tensor):
        value = [*value.shape, *value.stride(), value.storage_offset()]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, slice):
        value = [value.start, value.stop, value.step]
    if isinstance(value, list | tuple):
        return set().union(*map(_symbols, value))
    return set(value.node.expr.free_symbols) if isinstance(value, torch.SymInt) else set()
