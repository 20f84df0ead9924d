"""Which of our ops compute the same as torch's arithmetic, activations and norms.

Numbers, shapes and dtypes that our kernels do not take are left to torch.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx

from max.graph.ops.functions import quick_gelu
from max.graph.ops.normalization import rms_normed
from max.kernels.elementwise import elementwise
from max.kernels.facts import NativeCall, OpFacts
from max.kernels.layer_norm import layer_norm
from max.kernels.rms_norm import rms_norm


def is_tensor(x: object) -> bool:
    """Whether an argument is a tensor, or a node that gives one; sizes are numbers."""
    if isinstance(x, fx.Node):
        return not isinstance(x.meta.get("val"), int | torch.SymInt)
    return isinstance(x, torch.Tensor)


def is_float_tensor(x: Any) -> bool:
    """Whether it is a tensor, of floating point as far as is known."""
    value = x.meta.get("val") if isinstance(x, fx.Node) else x
    return is_tensor(x) and (value is None or bool(value.is_floating_point()))


def _one(function: str) -> OpFacts:
    """A function of one tensor."""

    def native(x: Any) -> NativeCall | None:
        return NativeCall(elementwise, (x, None, function)) if is_float_tensor(x) else None

    return OpFacts(row_arguments=1, native=native)


def _two(function: str, reversed_function: str | None = None) -> OpFacts:
    """A function of two tensors, or of a tensor and a number.

    Args:
        function: its name.
        reversed_function: computes `function(number, tensor)` of (tensor, number), if any does.
    """

    def native(a: Any, b: Any) -> NativeCall | None:
        if is_float_tensor(a) and is_tensor(b):
            return NativeCall(elementwise, (a, b, function)) if is_float_tensor(b) else None
        if is_float_tensor(a) and isinstance(b, float | int):
            return NativeCall(elementwise, (a, None, function, [b]))
        if reversed_function and is_float_tensor(b) and isinstance(a, float | int):
            return NativeCall(elementwise, (b, None, reversed_function, [a]))
        return None

    return OpFacts(row_arguments=2, native=native, is_sum=function == "add")


def _power(x: Any, exponent: Any) -> NativeCall | None:
    """torch computes these exponents in the same way."""
    functions = {2: "square", 0.5: "sqrt"}
    function = functions.get(exponent) if isinstance(exponent, float | int) else None
    return NativeCall(elementwise, (x, None, function)) if function and is_float_tensor(x) else None


def _gelu(x: Any, approximate: str = "none") -> NativeCall | None:
    function = "gelu_tanh" if approximate == "tanh" else "gelu"
    return NativeCall(elementwise, (x, None, function)) if is_float_tensor(x) else None


def _cast(x: Any, to: object) -> NativeCall | None:
    if not isinstance(to, torch.dtype) or not is_float_tensor(x):
        return None
    return NativeCall(elementwise, (x, None, "cast", [], to)) if to.is_floating_point else None


def _layer_norm(x: Any, shape: Any, weight: Any, bias: Any, eps: float) -> NativeCall | None:
    return NativeCall(layer_norm, (x, weight, bias, eps)) if len(shape) == 1 else None


def _rms_norm(*arguments: Any) -> NativeCall:
    return NativeCall(rms_norm, arguments)


ARITHMETIC: Mapping[Callable[..., Any], OpFacts] = MappingProxyType(
    {
        operator.add: _two("add", "add"),
        operator.sub: _two("sub", "reverse_sub"),
        operator.mul: _two("mul", "mul"),
        operator.truediv: _two("div"),
        operator.pow: OpFacts(row_arguments=1, native=_power),
        operator.neg: _one("negate"),
        torch.maximum: _two("maximum"),
        torch.minimum: _two("minimum"),
        torch.clamp_min: _two("maximum"),
        torch.clamp_max: _two("minimum"),
        torch.abs: _one("abs"),
        torch.sqrt: _one("sqrt"),
        torch.rsqrt: _one("rsqrt"),
        torch.exp: _one("exp"),
        torch.erf: _one("erf"),
        torch.tanh: _one("tanh"),
        torch.sigmoid: _one("sigmoid"),
        torch.relu: _one("relu"),
        F.silu: _one("silu"),
        F.gelu: OpFacts(row_arguments=1, native=_gelu),
        quick_gelu: _one("gelu_quick"),
        torch.Tensor.to: OpFacts(row_arguments=1, native=_cast),
        F.layer_norm: OpFacts(row_arguments=1, native=_layer_norm),
        rms_normed: OpFacts(row_arguments=1, native=_rms_norm),
    }
)
