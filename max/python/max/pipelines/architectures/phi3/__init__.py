"""Phi 3 and 4: Llama with stacked projections, LongRoPE and windows."""

from max.pipelines.architectures.phi3.arch import phi3_arch

ARCHITECTURES = [phi3_arch]

__all__ = ["ARCHITECTURES", "phi3_arch"]
