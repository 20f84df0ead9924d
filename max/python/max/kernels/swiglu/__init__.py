"""The gated activation of a Llama MLP."""

from max.kernels.swiglu.op import swiglu

__all__ = ["swiglu"]
