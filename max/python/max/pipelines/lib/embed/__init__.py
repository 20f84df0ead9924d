"""Embeddings of texts: what sentence-transformers' files say, encoders, pooling, the pipeline."""

from max.pipelines.lib.embed.pooling import Pooling
from max.pipelines.lib.embed.sentence_settings import SentenceSettings, makes_embeddings

__all__ = ["Pooling", "SentenceSettings", "makes_embeddings"]
