"""The dtypes of the C++ kernels, by their numbers there (`ElementType`)."""

import torch

# What matrix products, attention and norms compute with.
ELEMENT_TYPES = {torch.float32: 0, torch.bfloat16: 1}
# What elementwise kernels read and write.
FLOAT_TYPES = {**ELEMENT_TYPES, torch.float16: 2}
# What keys and values are kept in.
CACHE_TYPES = {**ELEMENT_TYPES, torch.int8: 3}
