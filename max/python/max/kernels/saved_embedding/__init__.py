"""Rows of whole embeddings of adapters in place of the model's."""

from max.kernels.saved_embedding.op import saved_embedding

__all__ = ["saved_embedding"]
