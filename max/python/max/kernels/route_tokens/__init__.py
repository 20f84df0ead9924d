"""Which experts compute a token, and with which weights."""

from max.kernels.route_tokens.op import route_tokens

__all__ = ["route_tokens"]
