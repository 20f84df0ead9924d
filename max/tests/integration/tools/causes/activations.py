"""Between an MLP's first projections and its last."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import torch
from torch.nn import functional as F

from integration.tools.causes.cause import Cause, Trial

USUAL = (
    Cause("activation", "another activation function (hidden_act, hidden_activation)"),
    Cause("gate-order", "gate and up are exchanged"),
    Cause("clamp", "gate or up are clamped or scaled"),
)
FUNCTIONS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "gelu_quick": lambda x: x * torch.sigmoid(1.702 * x),
    "relu": F.relu,
    "relu2": lambda x: F.relu(x).square(),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "none": lambda x: x,
}


def trials(up: torch.Tensor, gate: torch.Tensor | None) -> Iterator[Trial]:
    """What is tried.

    Args:
        up: what the projection gives, [rows, n].
        gate: likewise of the gate; None for an MLP without one.
    """
    up = up.double()
    for name, function in FUNCTIONS.items():
        text = f"PyTorch's activation is {name}"
        if gate is None:
            yield Trial("activation", text, function(up))
            continue
        gated = gate.double()
        yield Trial("activation", text, function(gated) * up)
        yield Trial("gate-order", f"PyTorch computes {name}(up) * gate", function(up) * gated)
        yield Trial("no-gate", f"PyTorch computes {name}(gate) alone", function(gated))
