"""StarCoder2: layer norms, an MLP without a gate, biases, windows."""

from max.pipelines.architectures.starcoder2.arch import starcoder2_arch

ARCHITECTURES = [starcoder2_arch]

__all__ = ["ARCHITECTURES", "starcoder2_arch"]
