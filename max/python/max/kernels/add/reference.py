"""What `max::add` computes."""

from __future__ import annotations

import torch


def add_reference(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """`a + b`, elementwise; both of one shape and dtype."""
    return a + b
