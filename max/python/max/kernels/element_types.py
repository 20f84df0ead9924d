"""The dtypes of the C++ kernels, by their numbers there (`ElementType`)."""

import torch

# What they compute with.
ELEMENT_TYPES = {torch.float32: 0, torch.bfloat16: 1}
