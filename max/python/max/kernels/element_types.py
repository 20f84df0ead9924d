"""The dtypes of the C++ kernels, by their numbers there (`ElementType`)."""

import torch

# What they compute with.
ELEMENT_TYPES = {torch.float32: 0, torch.bfloat16: 1}
# What packed weights may be: of the activations' dtype, or of 16 bits.
WEIGHT_TYPES = {**ELEMENT_TYPES, torch.float16: 2}
