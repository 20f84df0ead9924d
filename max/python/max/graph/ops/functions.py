"""Elementwise functions of one floating-point tensor, activations among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from max.graph.call import call
from max.graph.ops.arguments import as_tensor, fail, require_float
from max.graph.ops.casting import restored, widened
from max.graph.tensor_value import TensorValue, TensorValueLike


def _float_unary(op: str, target: Callable[..., Any], x: TensorValueLike) -> TensorValue:
    x = as_tensor(op, x)
    require_float(op, x)
    return call(op, target, x)


def _unary(op: str, target: Callable[..., Any], x: TensorValueLike) -> TensorValue:
    x = as_tensor(op, x)
    return restored(call(op, target, widened(x)), x)


def relu(x: TensorValueLike) -> TensorValue:
    """`max(x, 0)`."""
    return _unary("relu", torch.relu, x)


def silu(x: TensorValueLike) -> TensorValue:
    """`x * sigmoid(x)`."""
    return _float_unary("silu", F.silu, x)


def gelu(x: TensorValueLike, approximate: str = "none") -> TensorValue:
    """The Gaussian error linear unit (Hendrycks and Gimpel, 2016), `x * Phi(x)`.

    Args:
        x: a floating-point tensor.
        approximate: "none" (by erf), "tanh", or "quick" (`x * sigmoid(1.702 x)`).
    """
    x = as_tensor("gelu", x)
    require_float("gelu", x)
    if approximate == "quick":
        return call("gelu", quick_gelu, x)
    if approximate not in ("none", "tanh"):
        fail("gelu", f"approximate must be none, tanh or quick, got {approximate!r}", x)
    return call("gelu", F.gelu, x, approximate=approximate)


def quick_gelu(x: torch.Tensor) -> torch.Tensor:
    """`x * sigmoid(1.702 x)`, the cheap approximation of GELU in its paper's section 2."""
    return x * torch.sigmoid(1.702 * x)


def sigmoid(x: TensorValueLike) -> TensorValue:
    """`1 / (1 + exp(-x))`."""
    return _float_unary("sigmoid", torch.sigmoid, x)


def tanh(x: TensorValueLike) -> TensorValue:
    """The hyperbolic tangent."""
    return _float_unary("tanh", torch.tanh, x)


def exp(x: TensorValueLike) -> TensorValue:
    """`e ** x`."""
    return _float_unary("exp", torch.exp, x)


def log(x: TensorValueLike) -> TensorValue:
    """The natural logarithm."""
    return _float_unary("log", torch.log, x)


def log1p(x: TensorValueLike) -> TensorValue:
    """`log(1 + x)`, exact for small `x`."""
    return _float_unary("log1p", torch.log1p, x)


def sqrt(x: TensorValueLike) -> TensorValue:
    """The square root."""
    return _float_unary("sqrt", torch.sqrt, x)


def rsqrt(x: TensorValueLike) -> TensorValue:
    """`1 / sqrt(x)`."""
    return _float_unary("rsqrt", torch.rsqrt, x)


def sin(x: TensorValueLike) -> TensorValue:
    """The sine of radians."""
    return _float_unary("sin", torch.sin, x)


def cos(x: TensorValueLike) -> TensorValue:
    """The cosine of radians."""
    return _float_unary("cos", torch.cos, x)


def acos(x: TensorValueLike) -> TensorValue:
    """The arc cosine, in radians."""
    return _float_unary("acos", torch.acos, x)


def atanh(x: TensorValueLike) -> TensorValue:
    """The inverse hyperbolic tangent."""
    return _float_unary("atanh", torch.atanh, x)


def erf(x: TensorValueLike) -> TensorValue:
    """The error function."""
    return _float_unary("erf", torch.erf, x)


def floor(x: TensorValueLike) -> TensorValue:
    """The greatest integer that is not greater."""
    return _float_unary("floor", torch.floor, x)


def ceil(x: TensorValueLike) -> TensorValue:
    """The least integer that is not less."""
    return _float_unary("ceil", torch.ceil, x)


def round(x: TensorValueLike) -> TensorValue:
    """The nearest integer, the even one of two that are as near."""
    return _float_unary("round", torch.round, x)


def trunc(x: TensorValueLike) -> TensorValue:
    """The integer part, rounded towards zero."""
    return _float_unary("trunc", torch.trunc, x)


def is_nan(x: TensorValueLike) -> TensorValue:
    """Where `x` is not a number; bools."""
    return _float_unary("is_nan", torch.isnan, x)


def is_inf(x: TensorValueLike) -> TensorValue:
    """Where `x` is infinite, of either sign; bools."""
    return _float_unary("is_inf", torch.isinf, x)
