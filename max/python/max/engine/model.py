"""Compiled models and runnable ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import fx

from max.driver import Buffer, Device
from max.dtype import DType
from max.engine.repeated import Repeated
from max.engine.replay import ReplayedGraph
from max.engine.replay.captures import Captures
from max.graph import AlgebraicDim, Dim, Shape, StaticDim, TensorType, Weight
from max.kernels.layouts import WeightLayout


@dataclass(frozen=True)
class TensorSpec:
    """What a model says of an input or output."""

    name: str
    dtype: DType
    shape: Shape


@dataclass(frozen=True)
class CompiledModel:
    """A graph after the passes: code, and the weights that it needs; no elements yet."""

    name: str
    module: fx.GraphModule
    input_types: Sequence[TensorType]
    output_types: Sequence[TensorType]
    weights: Mapping[str, Weight]
    # The layouts of the weights that the code expects in one, by name.
    layouts: Mapping[str, WeightLayout]
    constants: Mapping[str, torch.Tensor]
    # Names of weights and constants in the order of the code's parameters, after the inputs.
    extra_names: Sequence[str]

    @property
    def code(self) -> str:
        """The Python code that runs the graph."""
        return self.module.code


@dataclass(frozen=True)
class Model:
    """A model with its weights on their devices; `model(x)` and `model.execute(x)` run it.

    Made by `InferenceSession.init`.
    """

    compiled: CompiledModel
    # The weights and constants by name, as the code reads them.
    weights: Mapping[str, torch.Tensor] = field(repr=False)
    replayed: ReplayedGraph = field(repr=False)
    # What runs captured; None where nothing can be.
    captures: Captures | None = field(default=None, repr=False)
    # What the inputs of the last call looked like: those of steps in a row seldom differ.
    _accepted: list[tuple[object, ...]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )
    _repeated: Repeated[list[torch.Tensor]] = field(
        default_factory=Repeated, init=False, repr=False, compare=False
    )

    @property
    def input_metadata(self) -> list[TensorSpec]:
        """Names, dtypes and shapes of the inputs."""
        return _specs("input", self.compiled.input_types)

    @property
    def output_metadata(self) -> list[TensorSpec]:
        """Names, dtypes and shapes of the outputs."""
        return _specs("output", self.compiled.output_types)

    def execute(self, *inputs: Any) -> list[Buffer]:
        """Runs the model.

        Args:
            inputs: numpy arrays, torch tensors, Buffers or other DLPack arrays, on their devices;
                numbers for inputs without axes.

        Returns:
            The outputs.

        Raises:
            ValueError: if an input's number, dtype or shape is not what the graph declares.
        """
        tensors = self._repeated.find(inputs)
        if tensors is None:
            tensors = self._tensors(inputs)
            self._repeated.keep(inputs, tensors)
        with torch.inference_mode():
            captured = None if self.captures is None else self.captures.run(tensors)
            return [Buffer(t) for t in captured or self.replayed(*tensors)]

    __call__ = execute

    @property
    def input_devices(self) -> list[Device]:
        """Where the inputs must be."""
        return [type.device.to_device() for type in self.compiled.input_types]

    @property
    def output_devices(self) -> list[Device]:
        """Where the outputs are."""
        return [type.device.to_device() for type in self.compiled.output_types]

    def _tensors(self, inputs: Sequence[Any]) -> list[torch.Tensor]:
        """The inputs as tensors, checked."""
        try:
            tensors = [Buffer.from_dlpack(x).tensor for x in inputs]
        except TypeError:
            tensors = [Buffer.from_dlpack(x).tensor for x in self._with_arrays(inputs)]
        look = [(t.dtype, t.shape, t.device) for t in tensors]
        if look != self._accepted:
            self._check(tensors)
            self._accepted[:] = look
        return tensors

    def _with_arrays(self, inputs: Sequence[Any]) -> list[Any]:
        """The inputs, with arrays of the declared types for numbers."""
        types = [*self.compiled.input_types, *[None] * len(inputs)]
        return [
            Buffer.scalar(x, type.dtype, type.device.to_device())
            if type is not None and isinstance(x, int | float)
            else x
            for x, type in zip(inputs, types, strict=False)
        ]

    @cached_property
    def _declared(self) -> list[_Declared]:
        """The input types in a form that is compared quickly: this runs before every step."""
        return [
            _Declared(
                type.dtype.to_torch(),
                [int(d) if isinstance(d, StaticDim) else str(d) for d in type.shape],
                torch.device(type.device.to_torch()),
            )
            for type in self.compiled.input_types
        ]

    @cached_property
    def _derived(self) -> dict[str, Dim]:
        """The sizes of inputs that are computed of others, by their names."""
        dims = (d for type in self.compiled.input_types for d in type.shape)
        return {str(d): d for d in dims if isinstance(d, AlgebraicDim)}

    def _check(self, tensors: Sequence[torch.Tensor]) -> None:
        if len(tensors) != len(self._declared):
            raise ValueError(
                f"{self.compiled.name} takes {len(self._declared)} inputs, got {len(tensors)}"
            )
        sizes: dict[str, int] = {}
        for i, (tensor, declared) in enumerate(zip(tensors, self._declared, strict=True)):
            if tensor.dtype != declared.dtype or not _bind(declared.dims, tensor.shape, sizes):
                raise ValueError(self._misfit(i, tensor, sizes))
            if tensor.device != declared.device:
                device = self.compiled.input_types[i].device
                raise ValueError(
                    f"input {i} of {self.compiled.name} must be on {device}, but is on "
                    f"{Device.from_torch(tensor.device)}: move it with Buffer.to(device)"
                )
        for name, dim in self._derived.items():
            if (told := dim.solution()) and str(told.symbol) not in sizes:
                sizes[str(told.symbol)] = (sizes[name] - told.offset) // told.factor
            if dim.evaluated(sizes) != sizes[name]:
                raise ValueError(
                    f"the inputs of {self.compiled.name} have '{name}' = {sizes[name]}, which "
                    f"does not fit their other sizes, {sizes}"
                )

    def _misfit(self, i: int, tensor: torch.Tensor, sizes: Mapping[str, int]) -> str:
        type = self.compiled.input_types[i]
        before = {d for earlier in self._declared[:i] for d in earlier.dims}
        known = {n: sizes[n] for d in type.shape if (n := str(d)) in before}
        where = f" with {known}" if known else ""
        return (
            f"input {i} of {self.compiled.name} must be {type.dtype} {type.shape}{where}, "
            f"got {str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
        )


class _Declared(NamedTuple):
    """What an input must be; a symbolic dim is its name."""

    dtype: torch.dtype
    dims: list[int | str]
    device: torch.device


def _bind(dims: Sequence[int | str], actual: Sequence[int], sizes: dict[str, int]) -> bool:
    """Whether `actual` fits `dims`, given the symbols' sizes so far, which it adds to."""
    if len(dims) != len(actual):
        return False
    for dim, size in zip(dims, actual, strict=True):
        expected = dim if isinstance(dim, int) else sizes.setdefault(dim, size)
        if expected != size:
            return False
    return True


def _specs(kind: str, types: Sequence[TensorType]) -> list[TensorSpec]:
    return [TensorSpec(f"{kind}{i}", t.dtype, t.shape) for i, t in enumerate(types)]
