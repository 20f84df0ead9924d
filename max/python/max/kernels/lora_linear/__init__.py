"""What adapters of low rank change in the results of linear layers."""

from max.kernels.lora_linear.op import lora_linear

__all__ = ["lora_linear"]
