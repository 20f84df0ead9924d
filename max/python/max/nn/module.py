"""The base class of layers: a tree of named sublayers and weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from max.driver import Buffer
from max.engine.weights import mismatch, tensor_of
from max.graph import Weight
from max.graph.weights import Deferred, WeightData
from max.nn.state_dict_report import describe_problems


class Module(ABC):
    """A layer: assign sublayers and `Weight`s to attributes in `__init__`, compute in `__call__`.

    A weight's full name is the path of attributes to it, `layers.0.self_attn.q_proj.weight`, which
    is also its key in a state dict.
    """

    # Set on an attribute's module to leave the attribute's name out of the paths through it.
    _omit_module_attr_name = False

    def __init__(self) -> None:
        self._children()

    @abstractmethod
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Computes the layer's outputs: records nodes in the current graph, or runs at once."""

    def __setattr__(self, name: str, value: Any) -> None:
        sublayers, weights, _ = self._children()
        sublayers.pop(name, None)
        weights.pop(name, None)
        if isinstance(value, Module):
            sublayers[name] = value
        elif isinstance(value, Weight):
            weights[name] = value
        object.__setattr__(self, name, value)

    @property
    def sublayers(self) -> dict[str, Module]:
        """The modules assigned to attributes, by attribute."""
        return self._children()[0]

    @property
    def layer_weights(self) -> dict[str, Weight]:
        """The weights assigned to attributes, by attribute."""
        return self._children()[1]

    def set_shared_weight(self, name: str, weight: Weight) -> None:
        """Makes attribute `name` a weight that belongs to another module (tied embeddings, say).

        It has no name of its own and no key in the state dict.
        """
        setattr(self, name, weight)
        self._children()[2].add(name)

    def replace_module(self, path: str, module: Module) -> None:
        """Puts another layer in the place of one below: that of `layers.0.mlp`, say.

        Raises:
            ValueError: if there is no layer at that path.
        """
        parent, _, name = path.rpartition(".")
        above = dict(self.named_modules()).get(parent)
        if above is None or name not in above.sublayers:
            known = ", ".join(sorted(p for p, _ in self.named_modules() if p)) or "none"
            raise ValueError(f"there is no layer '{path}'; known: {known}")
        setattr(above, name, module)

    def raw_state_dict(self) -> dict[str, Weight]:
        """All weights by their full names; from here on those are the weights' `name`s."""
        weights = dict(self._named_weights(""))
        for name, weight in weights.items():
            weight.name = name
        return weights

    def state_dict(self, auto_initialize: bool = True) -> dict[str, Buffer]:
        """The elements by weight name: what `InferenceSession.init` takes.

        Args:
            auto_initialize: whether weights that were not loaded become zeros.

        Raises:
            ValueError: if a weight has no elements and may not become zeros.
        """
        weights = self.raw_state_dict()
        for weight in weights.values():
            if auto_initialize and not weight.is_bound:
                zeros = Buffer.zeros(weight.type.shape.static_dims, weight.type.dtype)
                weight.bind(zeros.tensor)
        return {name: Buffer(weight.bound_tensor()) for name, weight in weights.items()}

    def load_state_dict(
        self,
        state_dict: Mapping[str, Any],
        *,
        override_quantization_encoding: bool = False,
        weight_alignment: int | None = None,
        strict: bool = True,
    ) -> None:
        """Gives every weight its elements.

        Args:
            state_dict: arrays of any library, Buffers or WeightData, by full name.
            override_quantization_encoding: accepted for packages that pass it; an encoding is
                taken from the data in any case.
            weight_alignment: bytes that data must be aligned to; None for any.
            strict: whether a key that no weight has is an error.

        Raises:
            ValueError: naming all missing weights, unexpected keys (each with the nearest known
                name), and wrong shapes and dtypes together; equal layers are told once.
        """
        stored = stored_by_module(state_dict)
        for path, module in self._named_modules(""):
            if path in stored:
                module.expect(stored[path])
        weights = self.raw_state_dict()
        wrong: dict[str, str] = {}
        for name in sorted(weights.keys() & state_dict.keys()):
            value = state_dict[name]
            elements = value if _is_deferred(value) else tensor_of(value)
            problem = _take_encoding(weights[name], value) or mismatch(weights[name], elements)
            if not problem and weight_alignment and not _is_deferred(value):
                is_aligned = elements.data_ptr() % weight_alignment == 0
                problem = (
                    None if is_aligned else f"'{name}' is not aligned to {weight_alignment} bytes"
                )
            if problem:
                wrong[name] = problem
            else:
                weights[name].bind(elements)
        unexpected = state_dict.keys() - weights.keys()
        problems = describe_problems(
            missing=weights.keys() - state_dict.keys(),
            unexpected=unexpected if strict else set(),
            candidates=unexpected,
            wrong=wrong,
        )
        if problems:
            raise ValueError(
                f"load_state_dict() strict={strict} validation failed. " + "\n".join(problems)
            )

    def expect(self, stored: Mapping[str, Any]) -> None:
        """Told what a checkpoint has for this layer itself, before it is loaded.

        A layer may change its weights to those. Here it does nothing.

        Args:
            stored: arrays by attribute.
        """
        return

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """This and all layers below, by path: that of `layers.0.mlp.up_proj.weight`'s layer is
        `layers.0.mlp.up_proj`, that of this one is empty."""
        for prefix, module in self._named_modules(""):
            yield prefix.removesuffix("."), module

    def _named_modules(self, prefix: str) -> Iterator[tuple[str, Module]]:
        """This and all layers below, by the prefix of their weights' names."""
        yield prefix, self
        for name, layer in self.sublayers.items():
            path = prefix if layer._omit_module_attr_name else f"{prefix}{name}."
            yield from layer._named_modules(path)

    def _named_weights(self, prefix: str) -> Iterator[tuple[str, Weight]]:
        for path, module in self._named_modules(prefix):
            _, weights, shared = module._children()
            yield from ((path + name, w) for name, w in weights.items() if name not in shared)

    def _children(self) -> _Children:
        """Sublayers, weights, and the names of shared weights; made on first use, so that a
        subclass may assign attributes before it calls `super().__init__()`."""
        found: _Children | None = self.__dict__.get("_registered")
        if found is None:
            found = ({}, {}, set())
            object.__setattr__(self, "_registered", found)
        return found


def stored_by_module(state_dict: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A checkpoint's arrays by attribute, for each module's prefix, `layers.0.mlp.up_proj.`."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in state_dict.items():
        path, dot, attribute = name.rpartition(".")
        found.setdefault(path + dot, {})[attribute] = value
    return found


def _is_deferred(value: Any) -> bool:
    return isinstance(value, WeightData) and isinstance(value.data, Deferred)


def _take_encoding(weight: Weight, value: Any) -> str | None:
    """Makes a weight one of the encoding that its data has; why that cannot be, if it cannot."""
    if not isinstance(value, WeightData):
        return None
    before, weight.quantization_encoding = weight.quantization_encoding, value.quantization_encoding
    try:
        _ = weight.type
    except ValueError as error:
        weight.quantization_encoding = before
        return f"'{weight.name}': {error}"
    return None


# Sublayers, weights, and the names of weights that belong to another module.
_Children: TypeAlias = tuple[dict[str, Module], dict[str, Weight], set[str]]
