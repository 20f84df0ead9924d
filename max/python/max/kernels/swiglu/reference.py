"""What `max::swiglu` computes (Shazeer, 2020)."""

from __future__ import annotations

import torch


def swiglu_reference(gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """`silu(gate) * up`, elementwise; both [..., dim] of one dtype."""
    return torch.nn.functional.silu(gate) * up
