"""Elementwise arithmetic of two tensors, with broadcasting."""

from __future__ import annotations

import torch

from max.graph.call import call
from max.graph.tensor_value import TensorValue, TensorValueLike


def add(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """`lhs + rhs`."""
    return call("add", torch.add, lhs, rhs)


def relu(x: TensorValueLike) -> TensorValue:
    """`max(x, 0)`."""
    return call("relu", torch.relu, x)
