"""BERT: an encoder with learned positions, and norms behind attention and MLP."""

from max.pipelines.architectures.bert.arch import bert_arch

ARCHITECTURES = [bert_arch]

__all__ = ["ARCHITECTURES", "bert_arch"]
