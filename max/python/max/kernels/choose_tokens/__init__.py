"""Tokens chosen from distributions, among those that top_k, top_p and min_p leave."""

from max.kernels.choose_tokens.op import choose_tokens

__all__ = ["choose_tokens"]
