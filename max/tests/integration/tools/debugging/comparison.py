"""Two tensors, and two runs, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch

from integration.tools.debugging.pairing import Counterpart, pair_layers
from integration.tools.debugging.sides import MaxSide, Tensors, TorchSide
from max.nn import Module

# How far a tensor may be from PyTorch's, as a share of its length, by encoding: float32 has 24 bits
# and bfloat16 has 8, and a few hundred roundings add up.
TOLERANCES: Mapping[str, float] = {"float32": 3e-6, "bfloat16": 3e-2}
# A tensor departs when it is that much farther off than all before it: errors of rounding grow.
_JUMP = 10.0


@dataclass(frozen=True)
class Distance:
    """How far a tensor is from another.

    Attributes:
        cosine: 1 - cosine of the angle between them, as vectors.
        largest: the largest magnitude of a difference.
        relative: length of the difference, as a share of the other's.
    """

    cosine: float
    largest: float
    relative: float


def distance(ours: torch.Tensor, theirs: torch.Tensor) -> Distance:
    """Of tensors of one shape, in float64."""
    a, b = ours.double().flatten(), theirs.double().flatten()
    lengths = a.norm() * b.norm()
    cosine = 1 - float(a @ b / lengths) if lengths > 0 else float(not torch.equal(a, b))
    difference = a - b
    relative = float(difference.norm() / b.norm().clamp_min(1e-30))
    return Distance(max(cosine, 0.0), float(difference.abs().max()), relative)


@dataclass(frozen=True)
class Row:
    """One tensor on both sides.

    Attributes:
        label: ours.
        torch_label: PyTorch's.
        distance: between them; None when their shapes differ.
        departs: whether it is too far off.
    """

    label: str
    torch_label: str
    distance: Distance | None
    departs: bool


class Comparison:
    """All tensors that both sides have, in the order in which MAX computes them.

    Args:
        ours: MAX's run.
        theirs: PyTorch's.
        tolerance: see `TOLERANCES`.
    """

    def __init__(self, ours: MaxSide, theirs: TorchSide, tolerance: float) -> None:
        self.ours, self.theirs, self.tolerance = ours, theirs, tolerance
        paths = [label.rpartition("-")[0] for label in ours.tensors]
        self.pairs = pair_layers(ours.weights, [p for p in paths if p], theirs.model)

    @cached_property
    def torch_tensors(self) -> Tensors:
        """PyTorch's tensors by our labels."""
        found: Tensors = {}
        for label in self.ours.tensors:
            path, _, end = label.rpartition("-")
            pair = self.pairs.get(path, Counterpart("logits"))
            tensor = self.theirs.tensors.get(self.torch_label(label))
            is_result = end == "output"
            if tensor is not None and not (is_result and pair.gives_more):
                is_part = is_result and pair.columns is not None
                found[label] = tensor[:, pair.columns] if is_part else tensor
        return found

    def torch_label(self, label: str) -> str:
        """PyTorch's label of what we call so; ours where there is no counterpart."""
        path, dash, end = label.rpartition("-")
        pair = self.pairs.get(path)
        return label if pair is None else f"{pair.path}{dash}{end}"

    @cached_property
    def rows(self) -> list[Row]:
        """The comparison of every tensor."""
        rows: list[Row] = []
        allowed = self.tolerance
        for label, theirs in self.torch_tensors.items():
            ours = self.ours.tensors[label]
            found = distance(ours, theirs) if ours.shape == theirs.shape else None
            departs = found is None or not found.relative <= allowed
            if found is not None and not departs:
                allowed = max(allowed, found.relative * _JUMP)
            rows.append(Row(label, self.torch_label(label), found, departs))
        return rows

    @property
    def first_departure(self) -> Row | None:
        """The first tensor that is too far off."""
        return next((row for row in self.rows if row.departs), None)

    def missing_modules(self, label: str) -> list[str]:
        """PyTorch's modules with weights that no layer of ours is the counterpart of, in the block
        of a tensor, or outside of all blocks for a tensor of none."""
        paired = {pair.path for pair in self.pairs.values()}
        block = _block(self.torch_label(label))
        return [
            path
            for path, module in self.theirs.model.named_modules()
            if path not in paired
            and next(module.parameters(recurse=False), None) is not None
            and _block(path) == block
        ]

    def layer(self, path: str) -> Module:
        """Our layer of that path."""
        module = self.ours.model
        for name in path.split("."):
            module = module.sublayers[name]
        return module


def _block(name: str) -> str | None:
    """What comes before and with the first number: `model.layers.0`; None without one."""
    parts = name.partition("-")[0].split(".")
    numbers = [index for index, part in enumerate(parts) if part.isdecimal()]
    return ".".join(parts[: numbers[0] + 1]) if numbers else None
