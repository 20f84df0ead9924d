"""Feed-forward layers of experts, of which each token has some."""

from max.nn.moe.experts import Experts
from max.nn.moe.moe import MoE
from max.nn.moe.routing import Routing
from max.nn.moe.stacking import stack_experts

__all__ = ["Experts", "MoE", "Routing", "stack_experts"]
