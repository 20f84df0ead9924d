"""Experts' weights in stacks, as our models have them, of the forms in which checkpoints do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch

from max.graph import Shape
from max.graph.weights import Deferred, WeightData
from max.graph.weights.mapped_file import empty_on_pages

_NUMBERED = re.compile(r"(.*\.experts)\.(\d+)\.(.+)")


def stack_experts(weights: Mapping[str, WeightData]) -> dict[str, WeightData]:
    """`experts.0.up_proj.weight`, `experts.1.up_proj.weight`, .. become `experts.up_proj.weight`.

    A stack is made when it is placed, and forgotten then: no other is in memory at that time.

    Raises:
        ValueError: if an expert is missing, or differs from the first in shape or type.
    """
    stacks: dict[str, dict[int, WeightData]] = {}
    others = {}
    for name, data in weights.items():
        if found := _NUMBERED.fullmatch(name):
            stacks.setdefault(f"{found[1]}.{found[3]}", {})[int(found[2])] = data
        else:
            others[name] = data
    return {**others, **{name: _stacked(name, parts) for name, parts in stacks.items()}}


def _stacked(name: str, parts: Mapping[int, WeightData]) -> WeightData:
    missing = sorted(set(range(max(parts) + 1)) - parts.keys())
    if missing:
        raise ValueError(f"the checkpoint has no '{name}' of the experts {missing}")
    ordered = [parts[number] for number in range(len(parts))]
    kinds = {(d.dtype, tuple(d.shape.static_dims), d.quantization_encoding) for d in ordered}
    if len(kinds) > 1:
        told = ", ".join(sorted(f"{dtype} {[int(n) for n in shape]}" for dtype, shape, _ in kinds))
        raise ValueError(f"'{name}' differs between experts: {told}")
    first = ordered[0]
    return WeightData(
        Deferred(lambda: _stack(ordered)),
        name,
        first.dtype,
        Shape([len(ordered), *first.shape]),
        first.quantization_encoding,
    )


def _stack(parts: Sequence[WeightData]) -> torch.Tensor:
    whole: torch.Tensor | None = None
    for index, part in enumerate(parts):
        elements = part.to_buffer().tensor
        if whole is None:
            whole = empty_on_pages([len(parts), *elements.shape], elements.dtype)
        whole[index] = elements
        if part.release_pages is not None:
            part.release_pages(None)
    assert whole is not None
    return whole


def part_of_stack(
    data: WeightData, name: str, rows: slice, *, transposed: bool = False
) -> WeightData:
    """Some outputs of each matrix of a stack [experts, out, in], or of each bias.

    Args:
        data: the stack.
        name: of the result.
        rows: which outputs.
        transposed: whether the stack is [experts, in, out].
    """
    shape = list(data.shape.static_dims)
    axis = 2 if transposed else 1
    count = len(range(*rows.indices(int(shape[axis]))))
    out = [shape[0], count, shape[1]] if transposed else [shape[0], count, *shape[2:]]

    def make() -> torch.Tensor:
        stack = data.to_buffer().tensor
        return (stack.transpose(1, 2) if transposed else stack)[:, rows].contiguous()

    part = data.derived(make, data.dtype, Shape(out))
    return WeightData(part.data, name, part.dtype, part.shape, data.quantization_encoding)
