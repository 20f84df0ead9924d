"""The graph: a typed builder over `torch.fx.Graph`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from operator import getitem
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

import torch
from torch import fx

from max.graph.current import current_graph, enter, leave
from max.graph.dim import Dim
from max.graph.errors import caller
from max.graph.real import real_tensor
from max.graph.symbols import SymbolTable
from max.graph.tensor_value import TensorValue
from max.graph.type import BufferType, TensorType
from max.graph.value import BufferValue, Value
from max.graph.weight import Weight


@runtime_checkable
class NamesWeights(Protocol):
    """What a module offers so that its weights have their full names in a graph."""

    def raw_state_dict(self) -> dict[str, Weight]: ...


class _Current:
    """`Graph.current`: the graph of the innermost `with graph:`."""

    def __get__(self, instance: object, owner: object) -> Graph:
        graph = Graph.current_or_none()
        if graph is None:
            raise LookupError(
                "no graph is being built: this is only valid inside `with Graph(...)`"
            )
        return graph


class Graph:
    """A computation over typed inputs; `InferenceSession.compile` makes it runnable.

    Either a context manager, in which ops on `inputs` record nodes and `output` ends it, or, with
    `forward`, built at once by calling `forward(*inputs, *args)`.

    Args:
        name: for messages and printed code.
        forward: a module or function that computes the outputs from the inputs.
        input_types: the inputs' types; a symbolic dim is one size wherever its name stands.
        args: further arguments of `forward`.
        custom_extensions: libraries of compiled operations; none can be given, since operations are
            torch's (`ops.custom`).
        kwargs: further keyword arguments of `forward`.
    """

    current = _Current()

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any] | None = None,
        input_types: Iterable[TensorType] = (),
        *args: Any,
        custom_extensions: Sequence[object] = (),
        **kwargs: Any,
    ) -> None:
        if custom_extensions:
            raise NotImplementedError(
                f"graph '{name}': custom_extensions={custom_extensions!r} are libraries of another "
                "compiler; operations of one's own are torch's: see ops.custom"
            )
        self.name = name
        self.fx = fx.Graph()
        self.symbols = SymbolTable(self.fx)
        self.weights: dict[str, Weight] = {}
        self.constants: dict[str, torch.Tensor] = {}
        self.input_types = list(input_types)
        self.output_types: list[TensorType] | None = None
        self.parent: Graph | None = None
        self._last_placeholder: fx.Node | None = None
        self._parameters: set[str] = set()
        self._extras: dict[str, TensorValue] = {}
        self.inputs: list[Value] = [self._add_input(i, t) for i, t in enumerate(self.input_types)]
        if isinstance(forward, NamesWeights):
            forward.raw_state_dict()
        if forward is not None:
            with self:
                result = forward(*self.inputs, *args, **kwargs)
                self.output(*(result if isinstance(result, list | tuple) else [result]))

    @staticmethod
    def is_building() -> bool:
        """Whether the caller stands inside `with graph:`."""
        return current_graph() is not None

    @staticmethod
    def current_or_none() -> Graph | None:
        """The graph of the innermost `with graph:`, if any."""
        return current_graph()

    def is_within(self, other: Graph) -> bool:
        """Whether this graph is the other, or a region of it, and so may use its values."""
        return self is other or (self.parent is not None and self.parent.is_within(other))

    def __enter__(self) -> Graph:
        enter(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        leave()

    def output(self, *outputs: Any) -> None:
        """Ends the graph with these outputs, in this order.

        Raises:
            ValueError: if the graph has outputs already.
        """
        if self.output_types is not None:
            raise ValueError(f"graph '{self.name}' has outputs already\n  at {caller()}")
        values = [self.operand(o) for o in outputs]
        for i, value in enumerate(values):
            if not isinstance(value, Value):
                raise TypeError(f"output {i} of '{self.name}' is {value!r}, not a tensor value")
        self.output_types = [TensorType(v.dtype, v.shape, v.device) for v in values]
        self.fx.output(tuple(v.node for v in values))

    def add_weight(self, weight: Weight) -> TensorValue:
        """The weight as a value of this graph; an input named like the weight on first use.

        Raises:
            ValueError: if another weight has the name.
        """
        known = self.weights.setdefault(weight.name, weight)
        if known is not weight:
            raise ValueError(
                f"two weights of graph '{self.name}' are named '{weight.name}': load_state_dict() "
                "or raw_state_dict() of their root module gives them their full names"
            )
        if weight.name not in self._extras:
            self._extras[weight.name] = self._add_extra(weight.name, weight.type)
        return self._extras[weight.name]

    def add_constant(self, tensor: torch.Tensor) -> TensorValue:
        """A real tensor as a value of this graph; the same value for the same tensor."""
        for name, known in self.constants.items():
            if known is tensor:
                return self._extras[name]
        name = f"constant.{len(self.constants)}"
        self.constants[name] = tensor
        self._extras[name] = self._add_extra(name, TensorValue(tensor).type)
        return self._extras[name]

    def operand(self, x: Any) -> Any:
        """What an op's argument is in this graph: weights and real tensors become values."""
        if isinstance(x, Weight):
            x.require_plain()
            return self.add_weight(x)
        if isinstance(x, Value) and x.graph is self:
            return x
        tensor = real_tensor(x)
        return self.add_constant(tensor) if isinstance(tensor, torch.Tensor) else tensor

    def fake_of(self, x: Any) -> Any:
        """What shape checking sees of an operand."""
        if isinstance(x, Value):
            return x.data
        return self.symbols.size(x) if isinstance(x, Dim) else x

    def node_of(self, x: Any) -> Any:
        """What the recorded node takes as an operand."""
        if isinstance(x, Value):
            return x.node
        return self.symbols.node(x) if isinstance(x, Dim) else x

    def wrap(self, result: Any, node: fx.Node) -> Any:
        """Values for what a node gives: a tensor, or a list or tuple of them."""
        if isinstance(result, torch.Tensor):
            node.meta["val"] = result
            self.symbols.define(node, result)
            return TensorValue(result, node, self)
        if isinstance(result, list | tuple):
            parts = (self.fx.call_function(getitem, (node, i)) for i in range(len(result)))
            return tuple(self.wrap(r, part) for r, part in zip(result, parts, strict=True))
        return result

    def _add_input(self, index: int, type: TensorType) -> Value:
        node = self._placeholder(f"input_{index}")
        cls = BufferValue if isinstance(type, BufferType) else TensorValue
        return cls(self._fake(type, node), node, self)

    def _add_extra(self, name: str, type: TensorType) -> TensorValue:
        node = self._placeholder(name)
        return TensorValue(self._fake(type, node), node, self)

    def _placeholder(self, name: str) -> fx.Node:
        """Placeholders stand before all other nodes, in the order of their making."""
        parameter = re.sub(r"\W|^(?=\d)", "_", name)
        while parameter in self._parameters:
            parameter += "_"
        self._parameters.add(parameter)
        last = self._last_placeholder
        start = self.fx.inserting_before(None) if last is None else self.fx.inserting_after(last)
        with start:
            node = self.fx.placeholder(parameter)
        node.meta["name"] = name
        self._last_placeholder = node
        return node

    def _fake(self, type: TensorType, node: fx.Node) -> torch.Tensor:
        sizes = [self.symbols.size(d) for d in type.shape]
        with self.symbols.fake_mode:
            dtype, device = type.dtype.to_torch(), torch.device(type.device.to_torch())
            fake = self.symbols.fakes.empty(sizes, dtype, device)
        node.meta["val"] = fake
        self.symbols.define(node, fake)
        return fake

    def __repr__(self) -> str:
        inputs = ", ".join(map(repr, self.input_types))
        return f"Graph('{self.name}', inputs=[{inputs}])\n{self.fx.python_code('self').src}"
