"""MAX on PyTorch and Triton: bring up, verify and serve language models."""

__version__ = "0.1.0"
