"""Phi 1 and 2: attention and MLP side by side, layer norms, biases everywhere."""

from max.pipelines.architectures.phi.arch import phi_arch

ARCHITECTURES = [phi_arch]

__all__ = ["ARCHITECTURES", "phi_arch"]
