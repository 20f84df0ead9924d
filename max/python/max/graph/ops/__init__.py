"""Operations on tensors: recorded in a graph, or run at once on real tensors."""

from max.graph.ops.elementwise import add, relu
from max.graph.ops.debug import print

__all__ = ["add", "print", "relu"]
