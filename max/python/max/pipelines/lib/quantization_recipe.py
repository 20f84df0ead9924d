"""Which encoding each matrix of a model gets when the model is quantized.

As llama.cpp's `llama-quantize` mixes them (Q4_K_M, Q5_K_M): the matrices in which errors cost most
have a larger encoding.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from max.graph.quantization import QuantizationEncoding

_Q = QuantizationEncoding
_LAYER = re.compile(r"\blayers\.(\d+)\.")
_MIXED = frozenset({_Q.Q4_K, _Q.Q5_K})
_HEAD = ("lm_head.weight",)
_TABLE = ("embed_tokens.weight",)
# The layers of most decoders whose weights lose most.
SENSITIVE_LAYERS = ("v_proj", "down_proj")


# Layers of a few outputs that decide for many: which experts a token gets, and how much of them.
_ROUTERS = ("router", "shared_expert_gate")
_EXPERTS = ".experts."


def is_multiplied(name: str, axes: int) -> bool:
    """Whether a weight is a matrix that may be quantized, or a stack of those of experts."""
    is_matrix = axes == 2 or (axes == 3 and _EXPERTS in name)
    layer, kind = ["", *name.split(".")][-2:]
    return is_matrix and kind == "weight" and layer not in _ROUTERS


def num_layers(names: Collection[str]) -> int:
    """Blocks of the model whose weights have these names."""
    return 1 + max((int(found[1]) for name in names if (found := _LAYER.search(name))), default=-1)


def encoding_of_weight(
    name: str,
    row_elements: int,
    wanted: QuantizationEncoding,
    layers: int,
    sensitive: Collection[str] = SENSITIVE_LAYERS,
    *,
    is_tied: bool,
) -> QuantizationEncoding | None:
    """The encoding of one matrix.

    Args:
        name: of the weight, as our models have it: `layers.0.mlp.down_proj.weight`.
        row_elements: elements of its rows.
        wanted: the encoding that is asked for.
        layers: blocks of the model.
        sensitive: the layers, by their names in the block, whose weights lose most.
        is_tied: whether the embedding is the head as well.

    Returns:
        The encoding; None where no blocks fit, and the matrix stays as it is.
    """
    encoding = wanted
    is_head = name.endswith(_HEAD) or (is_tied and name.endswith(_TABLE))
    if is_head and wanted is not _Q.Q8_0:
        encoding = _Q.Q6_K
    elif wanted in _MIXED and name.split(".")[-2] in sensitive:
        found = _LAYER.search(name)
        if found and _is_sensitive_layer(int(found[1]), layers):
            encoding = _Q.Q6_K
    if row_elements % encoding.elements_per_block:
        encoding = encoding.smaller_blocks
    return encoding if row_elements % encoding.elements_per_block == 0 else None


def _is_sensitive_layer(layer: int, layers: int) -> bool:
    """The first and last eighth, and every third between (`use_more_bits` of llama.cpp)."""
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2
