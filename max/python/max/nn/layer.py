"""`Module` and `LayerList` under the name that the documentation imports them by."""

from max.nn.module import Module
from max.nn.sequential import LayerList

__all__ = ["LayerList", "Module"]
