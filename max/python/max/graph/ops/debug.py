"""Printing a tensor while the model runs."""

from __future__ import annotations

import builtins

import torch

from max.graph.call import call_effect
from max.graph.tensor_value import TensorValueLike


def print_tensor(tensor: torch.Tensor, label: str) -> None:
    """What a printing node does unless the session replaces it (see `max.engine.debug_print`)."""
    if not isinstance(tensor, torch._subclasses.FakeTensor):
        builtins.print(f"{label}: {list(tensor.shape)} {tensor.dtype}\n{tensor}")


# fx keeps nodes with side effects although nothing uses them.
torch.fx.node.has_side_effect(print_tensor)


def print(x: TensorValueLike, label: str = "debug_tensor") -> None:
    """Prints `x` with its label each time the model runs."""
    call_effect("print", print_tensor, x, label)
