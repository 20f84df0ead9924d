"""Attention whose queries and keys are normalized before they are turned."""

from __future__ import annotations

from typing import Any

from max.nn.attention.attention import QKV, Attention, per_head
from max.nn.module import Module


class HeadNormAttention(Attention):
    """Normalizes each head's queries and keys (Qwen3, Gemma 3).

    Weights: those of `Attention`, and of the norms, named `q_norm` and `k_norm`.

    Args:
        norms: for queries, and for keys; each over head_dim.
        settings: of `Attention`.
    """

    def __init__(self, norms: tuple[Module, Module], **settings: Any) -> None:
        super().__init__(**settings)
        self.q_norm, self.k_norm = norms

    def prepare(self, qkv: QKV) -> QKV:
        """See `Attention.prepare`."""
        q = per_head(self.q_norm, qkv.q, self.head_dim)
        return QKV(q, per_head(self.k_norm, qkv.k, self.head_dim), qkv.v)


class FlatNormAttention(HeadNormAttention):
    """Normalizes the queries of all heads together, and the keys (OLMo 2).

    Args:
        norms: for queries, over heads * head_dim, and for keys, over kv_heads * head_dim.
        settings: of `Attention`.
    """

    def prepare(self, qkv: QKV) -> QKV:
        """See `Attention.prepare`."""
        return QKV(self.q_norm(qkv.q), self.k_norm(qkv.k), qkv.v)
