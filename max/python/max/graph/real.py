"""The real tensors behind values, weights and buffers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from max.driver import Buffer
from max.graph.value import Value
from max.graph.weight import Weight


def real_tensor(x: Any) -> Any:
    """The torch tensor behind a real value, weight or buffer; anything else as it is."""
    if isinstance(x, Value):
        if x.graph is not None:
            raise ValueError(f"{x!r} belongs to the graph '{x.graph.name}', which is not running")
        return x.data
    if isinstance(x, Buffer):
        return x.tensor
    if isinstance(x, Weight):
        x.require_plain()
        return x.bound_tensor()
    if isinstance(x, np.ndarray):
        return torch.from_numpy(x)
    return x
