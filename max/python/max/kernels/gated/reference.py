"""What `max::gated` computes (Shazeer, 2020)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
import torch.nn.functional as F

from max.kernels.elementwise.functions import FUNCTIONS

# By name, in the order in which cpu.cpp counts them.
ACTIVATIONS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = MappingProxyType(
    {
        "silu": F.silu,
        "gelu": F.gelu,
        "gelu_tanh": FUNCTIONS["gelu_tanh"].reference,
        "gelu_quick": FUNCTIONS["gelu_quick"].reference,
        "relu": torch.relu,
        "relu2": lambda x: torch.relu(x).square(),
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
    }
)


def gated_reference(gate: torch.Tensor, up: torch.Tensor, activation: str) -> torch.Tensor:
    """`activation(gate) * up`, elementwise.

    Args:
        gate: [..., dim].
        up: of the same shape and dtype.
        activation: "silu", "gelu" (by erf), "gelu_tanh", "gelu_quick", "relu", "relu2" (squared),
            "sigmoid" or "tanh"; its result is rounded to the dtype.
    """
    return ACTIVATIONS[activation](gate) * up
