"""The feed-forward layers of experts, stacked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from max.dtype import DType
from max.graph import TensorValue, Weight
from max.graph.type import DeviceLike
from max.nn import kernels
from max.nn.module import Module

if TYPE_CHECKING:
    from max.nn.lora import LayerAdapters


class ExpertMatrices(Module):
    """A matrix of each expert. Weights: `weight` [experts, out, in], `bias` [experts, out].

    What the checkpoint has decides how the matrices are stored: as elements or as blocks.

    Args:
        experts: how many.
        in_dim: size of what is multiplied.
        out_dim: size of the product.
        dtype: of the weights.
        device: where they live.
        has_bias: whether there are biases.
    """

    # Set while the graph of a model with adapters is built, see `max.nn.lora`.
    adapters: LayerAdapters | None = None

    def __init__(
        self,
        experts: int,
        in_dim: int,
        out_dim: int,
        dtype: DType,
        device: DeviceLike,
        has_bias: bool = False,
    ) -> None:
        super().__init__()
        self.weight = Weight("weight", dtype, [experts, out_dim, in_dim], device)
        self.bias = Weight("bias", dtype, [experts, out_dim], device) if has_bias else None

    def __call__(self) -> Weight:
        """The matrices."""
        return self.weight


class Experts(Module):
    """`sum(weight * down_proj(activation(gate_proj(x)) * up_proj(x)))` over a row's experts.

    Weights: those of `gate_proj`, `up_proj` and `down_proj`, see `ExpertMatrices`.

    Args:
        experts: how many.
        hidden_size: size of x's last axis.
        width: of the layers between.
        dtype: of the weights.
        device: where they live.
        activation: see `max.kernels.experts`.
        has_bias: whether the matrices have biases.
        limit: of gate and up, see there; 0 for none.
        scales_input: whether weights multiply what experts read, instead of what they give.
    """

    def __init__(
        self,
        experts: int,
        hidden_size: int,
        width: int,
        dtype: DType,
        device: DeviceLike,
        activation: str = "silu",
        has_bias: bool = False,
        limit: float = 0.0,
        scales_input: bool = False,
    ) -> None:
        super().__init__()
        self.gate_proj = ExpertMatrices(experts, hidden_size, width, dtype, device, has_bias)
        self.up_proj = ExpertMatrices(experts, hidden_size, width, dtype, device, has_bias)
        self.down_proj = ExpertMatrices(experts, width, hidden_size, dtype, device, has_bias)
        self.experts = experts
        self.width = width
        self.activation = activation
        self.limit = limit
        self.scales_input = scales_input

    def __call__(self, x: TensorValue, routes: TensorValue) -> TensorValue:
        """x [rows, hidden_size], routes from `kernels.route_tokens` -> shaped like x."""
        matrices = (self.gate_proj, self.up_proj, self.down_proj)
        adapter_of_row, tables = None, list[torch.Tensor]()
        for each in matrices:
            if each.adapters is not None:
                adapter_of_row = each.adapters.rows_of(x)
                tables += each.adapters.slots.tensors
        return kernels.experts(
            x,
            routes,
            [each.weight for each in matrices],
            [each.bias for each in matrices],
            experts=self.experts,
            width=self.width,
            activation=self.activation,
            limit=self.limit,
            scales_input=self.scales_input,
            adapter_of_row=adapter_of_row,
            adapters=tables if adapter_of_row is not None else (),
        )
