"""What adapters of low rank change in rows of embeddings."""

from max.kernels.lora_embedding.op import lora_embedding

__all__ = ["lora_embedding"]
