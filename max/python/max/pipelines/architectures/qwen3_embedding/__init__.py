"""Qwen3 as an embedder: the decoder without its head, of whose rows the last one counts."""

from max.pipelines.architectures.qwen3_embedding.arch import qwen3_embedding_arch, qwen3_model_arch

ARCHITECTURES = [qwen3_embedding_arch, qwen3_model_arch]

__all__ = ["ARCHITECTURES", "qwen3_embedding_arch", "qwen3_model_arch"]
