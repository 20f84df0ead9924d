"""Phi-3.5-MoE: experts by a sparse mixer, norms with biases."""

from max.pipelines.architectures.phimoe.arch import phimoe_arch

ARCHITECTURES = [phimoe_arch]

__all__ = ["ARCHITECTURES", "phimoe_arch"]
