"""Transformer blocks and the decoder made of them."""

from max.nn.blocks import PreNormBlock as TransformerBlock
from max.nn.transformer.logits import ReturnHiddenStates, ReturnLogits, logits_postprocess
from max.nn.transformer.transformer import Transformer, run_decoder

__all__ = [
    "ReturnHiddenStates",
    "ReturnLogits",
    "Transformer",
    "TransformerBlock",
    "logits_postprocess",
    "run_decoder",
]
