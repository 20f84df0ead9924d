"""Falcon: attention and MLP side by side, stacked projections in three orders."""

from max.pipelines.architectures.falcon.arch import falcon_arch

ARCHITECTURES = [falcon_arch]

__all__ = ["ARCHITECTURES", "falcon_arch"]
