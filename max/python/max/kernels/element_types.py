"""The dtypes of the C++ kernels, by their numbers there (`ElementType`)."""

import torch

# What matrix products, attention and norms compute with.
ELEMENT_TYPES = {torch.float32: 0, torch.bfloat16: 1}
# What packed weights may be, and what elementwise kernels read and write.
WEIGHT_TYPES = {**ELEMENT_TYPES, torch.float16: 2}
