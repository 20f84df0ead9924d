"""A mixture of experts: a router, experts, and what every token gets beside them."""

from __future__ import annotations

from max.dtype import DType
from max.graph import TensorValue, Weight, ops
from max.graph.type import DeviceLike
from max.nn import kernels
from max.nn.linear import Linear
from max.nn.module import Module
from max.nn.moe.experts import Experts
from max.nn.moe.routing import Routing


class MoE(Module):
    """`experts(x, router(x)) + shared(x)`.

    Weights: those of `router` (Linear), `experts` and, with them, `shared_expert` and
    `shared_expert_gate`; `router.correction` float32 [experts] with `has_correction`.

    Args:
        hidden_size: size of x's last axis.
        experts: the experts.
        routing: how they are chosen.
        dtype: of the router's weights.
        device: where they live.
        has_router_bias: whether the router has a bias.
        has_correction: whether scores have a bias for the choice alone.
        has_precise_router: whether the router's weights are float32 whatever the dtype.
        shared_expert: what every token gets; None for nothing.
        gates_shared: whether that is multiplied by the sigmoid of a number of each token.
    """

    def __init__(
        self,
        hidden_size: int,
        experts: Experts,
        routing: Routing,
        dtype: DType,
        device: DeviceLike,
        has_router_bias: bool = False,
        has_correction: bool = False,
        has_precise_router: bool = False,
        shared_expert: Module | None = None,
        gates_shared: bool = False,
    ) -> None:
        super().__init__()
        count = experts.experts
        self.router_dtype = DType.float32 if has_precise_router else dtype
        self.router = Linear(
            hidden_size, count, self.router_dtype, device, has_bias=has_router_bias
        )
        self.correction = (
            Weight("correction", DType.float32, [count], device) if has_correction else None
        )
        self.experts = experts
        self.routing = routing
        self.shared_expert = shared_expert
        self.shared_expert_gate = Linear(hidden_size, 1, dtype, device) if gates_shared else None

    def __call__(self, x: TensorValue) -> TensorValue:
        """x: [rows, hidden_size] -> the same shape."""
        logits = self.router(ops.cast(x, self.router_dtype))
        routes = kernels.route_tokens(logits, self.correction, self.routing)
        given = self.experts(x, routes)
        if self.shared_expert is None:
            return given
        shared = self.shared_expert(x)
        if self.shared_expert_gate is not None:
            shared = ops.sigmoid(self.shared_expert_gate(x)) * shared
        result: TensorValue = given + shared
        return result
