"""One layer of a decoder: how attention, feed-forward layer and norms are joined."""

from max.nn.blocks.parallel import ParallelBlock
from max.nn.blocks.post_norm import PostNormBlock
from max.nn.blocks.pre_norm import PreNormBlock
from max.nn.blocks.sandwich import SandwichBlock

__all__ = ["ParallelBlock", "PostNormBlock", "PreNormBlock", "SandwichBlock"]
