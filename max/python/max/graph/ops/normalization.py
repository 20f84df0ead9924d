"""Normalization along axes."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from max.graph.call import call
from max.graph.dim import StaticDim
from max.graph.ops.arguments import (
    as_tensor,
    axis_of,
    common_dtype,
    fail,
    require_float,
    shape_of,
)
from max.graph.shape import Shape
from max.graph.tensor_value import TensorValue, TensorValueLike


def softmax(value: TensorValueLike, axis: int = -1) -> TensorValue:
    """`exp(x) / sum(exp(x))` along `axis`, without overflow; in the dtype of `value`."""
    x = as_tensor("softmax", value)
    require_float("softmax", x)
    return call("softmax", torch.softmax, x, axis_of("softmax", axis, len(shape_of(x)), x))


def logsoftmax(value: TensorValueLike, axis: int = -1) -> TensorValue:
    """The logarithm of `softmax`."""
    x = as_tensor("logsoftmax", value)
    require_float("logsoftmax", x)
    at = axis_of("logsoftmax", axis, len(shape_of(x)), x)
    return call("logsoftmax", torch.log_softmax, x, at)


def rms_norm(
    input: TensorValueLike,
    weight: TensorValueLike,
    epsilon: float,
    weight_offset: float = 0.0,
    multiply_before_cast: bool = False,
) -> TensorValue:
    """`x / sqrt(mean(x**2) + epsilon) * (weight + weight_offset)` along the last axis.

    Zhang and Sennrich, 2019. Computed in float32.

    Args:
        input: floating point, shape [..., n].
        weight: shape [n].
        epsilon: keeps the root from 0.
        weight_offset: added to the weight (1 in Gemma).
        multiply_before_cast: multiply by the weight in float32 (Gemma) rather than in the dtype
            of `input` (Llama).
    """
    x, weight = as_tensor("rms_norm", input), as_tensor("rms_norm", weight)
    require_float("rms_norm", x, weight)
    _check_epsilon("rms_norm", epsilon)
    _check_last("rms_norm", shape_of(x), weight, x, weight)
    return call("rms_norm", rms_normed, x, weight, epsilon, weight_offset, multiply_before_cast)


def rms_normed(
    x: torch.Tensor,
    weight: torch.Tensor,
    epsilon: float,
    weight_offset: float,
    multiply_before_cast: bool,
) -> torch.Tensor:
    """`rms_norm` of tensors."""
    wide = x.float()
    normed = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + epsilon)
    if multiply_before_cast:
        return (normed * (weight.float() + weight_offset)).to(x.dtype)
    return normed.to(x.dtype) * (weight + weight_offset if weight_offset else weight).to(x.dtype)


def layer_norm(
    input: TensorValueLike,
    gamma: TensorValueLike | None,
    beta: TensorValueLike | None = None,
    epsilon: float = 1e-5,
) -> TensorValue:
    """`(x - mean(x)) / sqrt(var(x) + epsilon) * gamma + beta` along the last axis.

    Ba, Kiros and Hinton, 2016.

    Args:
        input: floating point, shape [..., n].
        gamma: the same dtype, shape [n]; None for ones.
        beta: the same dtype, shape [n]; none unless given.
        epsilon: keeps the root from 0.
    """
    x = as_tensor("layer_norm", input)
    weight, bias = (None if t is None else as_tensor("layer_norm", t) for t in (gamma, beta))
    operands = [t for t in (x, weight, bias) if t is not None]
    common_dtype("layer_norm", *operands)
    _check_epsilon("layer_norm", epsilon)
    require_float("layer_norm", *operands)
    for parameter in operands[1:]:
        _check_last("layer_norm", shape_of(x), parameter, *operands)
    return call("layer_norm", F.layer_norm, x, shape_of(x)[-1:], weight, bias, epsilon)


def group_norm(
    input: TensorValueLike,
    gamma: TensorValueLike,
    beta: TensorValueLike,
    num_groups: int,
    epsilon: float = 1e-5,
) -> TensorValue:
    """`layer_norm` of groups of channels (Wu and He, 2018).

    Args:
        input: floating point, shape [n, channels, ...].
        gamma: the same dtype, shape [channels].
        beta: the same dtype, shape [channels].
        num_groups: into how many groups the channels are cut.
        epsilon: keeps the root from 0.
    """
    operands = [as_tensor("group_norm", t) for t in (input, gamma, beta)]
    common_dtype("group_norm", *operands)
    require_float("group_norm", *operands)
    _check_epsilon("group_norm", epsilon)
    x, gamma, beta = operands
    shape = shape_of(x)
    if len(shape) < 2 or shape_of(gamma) != shape[1:2] or shape_of(beta) != shape[1:2]:
        reason = f"takes [n, channels, ...] and vectors of the channels, got {shape}"
        fail("group_norm", f"{reason}, {shape_of(gamma)}, {shape_of(beta)}", *operands)
    if isinstance(shape[1], StaticDim) and int(shape[1]) % num_groups:
        fail("group_norm", f"{shape[1]} channels cannot be cut into {num_groups} groups", x)
    return call("group_norm", group_normed, x, gamma, beta, num_groups, epsilon)


def group_normed(
    x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor, groups: int, epsilon: float
) -> torch.Tensor:
    """`group_norm` of tensors; torch's own cannot be traced over images of symbolic sizes."""
    wide: torch.Tensor = x.float().unflatten(1, (groups, x.shape[1] // groups)).flatten(2)
    mean = wide.mean(-1, keepdim=True)
    variance = (wide - mean).square().mean(-1, keepdim=True)
    normed = ((wide - mean) * torch.rsqrt(variance + epsilon)).reshape(x.shape)
    channels = [-1, *[1] * (x.ndim - 2)]
    return (normed * gamma.float().view(channels) + beta.float().view(channels)).to(x.dtype)


def _check_epsilon(op: str, epsilon: float) -> None:
    if epsilon < 0:
        fail(op, f"epsilon keeps a root from 0: it cannot be {epsilon}")


def _check_last(op: str, shape: Shape, parameter: Any, *operands: Any) -> None:
    if not shape or shape_of(parameter) != shape[-1:]:
        last = shape[-1] if shape else "none"
        reason = f"the parameter must be a vector of the last axis's size, {last}"
        fail(op, f"{reason}; got {shape_of(parameter)}", *operands)
