"""Activation functions by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from max.graph import TensorValue, TensorValueLike, ops

Activation = Callable[[TensorValueLike], TensorValue]


def _relu2(x: TensorValueLike) -> TensorValue:
    positive = ops.relu(x)
    return positive * positive


_ACTIVATIONS: dict[str, Activation] = {
    "silu": ops.silu,
    "gelu": ops.gelu,
    "gelu_tanh": partial(ops.gelu, approximate="tanh"),
    "gelu_quick": partial(ops.gelu, approximate="quick"),
    "relu": ops.relu,
    "relu2": _relu2,
    "tanh": ops.tanh,
    "sigmoid": ops.sigmoid,
}
# What config.json files call some of them.
_ALIASES = {
    "swish": "silu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "quick_gelu": "gelu_quick",
}


def activation_name(name: str) -> str:
    """The name that kernels know an activation function by.

    Raises:
        ValueError: if there is none of that name.
    """
    known = _ALIASES.get(name, name)
    if known not in _ACTIVATIONS:
        names = ", ".join(_ACTIVATIONS)
        raise ValueError(f"unknown activation function '{name}'; known: {names}")
    return known


def activation_function_from_name(name: str) -> Activation:
    """The elementwise function of that name.

    Raises:
        ValueError: if there is none.
    """
    return _ACTIVATIONS[activation_name(name)]
