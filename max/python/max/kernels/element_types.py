"""The dtypes that the C++ kernels compute with, by their number there (`ElementType`)."""

import torch

ELEMENT_TYPES = {torch.float32: 0, torch.bfloat16: 1}
