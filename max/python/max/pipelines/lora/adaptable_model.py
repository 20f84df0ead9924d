"""What fitting adapters asks of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch

from max.nn.lora import LayerSlots


class AdaptableModel(Protocol):
    """What fitting asks of a model."""

    @property
    def adapter_slots(self) -> Mapping[str, LayerSlots]:
        """The layers that take adapters, by path."""
        ...

    def in_model_order(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Tensors by Hugging Face's names of weights, as the model has those: under its names, the
        rows in its order, those of a stacked weight apart."""
        ...

    def stored_elements(self, name: str) -> torch.Tensor | None:
        """A weight of the checkpoint by its name in the model, in float32; None if it has none."""
        ...

    def is_exact(self, name: str) -> bool:
        """Whether that weight is stored as it was trained, not quantized."""
        ...
