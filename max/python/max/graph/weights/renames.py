"""Gives the weights of a checkpoint the names that a model has for them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from max.graph.weights.weight_data import WeightData
from max.graph.weights.weights import Weights

COMPUTED_TABLES = (
    "rotary_emb",
    "rotary_pos_emb",
    "inv_freq",
    "cos_cached",
    "sin_cached",
    "cos_sin_cache",
    "freqs_cis",
    "freqs_cos",
    "freqs_sin",
    "attn_rot_embd",
    "position_ids",
    "rope.freqs",
    "rope_freqs",
    "rope_factors_long",
    "rope_factors_short",
    "masked_bias",
    "causal_mask",
    "rope_cache",
    "rope.cache",
)
"""Parts of the names of tables that models compute themselves and that some checkpoints carry:
rotations of Hugging Face's, Meta's and GGUF's decoders, constants of masks."""


class Renames:
    """Rules for names, which are paths of parts with dots between: `blk.0.attn_q.weight`.

    A rule is about whole parts: that of "attn_q" leaves `attn_qkv` alone. All rules are followed at
    once, so that their order does not matter, and what one writes no other reads.

    Args:
        parts: part, or parts with dots between, and what stands there instead; with a dot behind
            both (or nothing instead) the parts may go.
        dropped: likewise parts: weights that have them in their names are of no use to the model.
    """

    def __init__(
        self, parts: Mapping[str, str], dropped: Collection[str] = COMPUTED_TABLES
    ) -> None:
        longest_first = sorted(parts, key=len, reverse=True)
        keys = "|".join(re.escape(key) for key in longest_first)
        self._rule = re.compile(rf"(?:(?<=\.)|^)(?:{keys})(?:(?<=\.)|(?=\.|$))")
        self._parts = parts
        self._dropped = tuple(dropped)

    def name(self, name: str) -> str:
        """The model's name of a weight."""
        return self._rule.sub(lambda found: self._parts[found[0]], name)

    def __call__(self, state_dict: Mapping[str, Weights], **unused: Any) -> dict[str, WeightData]:
        """The weights by the model's names; so it is a `WeightsAdapter`.

        Raises:
            ValueError: if two of them would have the same name.
        """
        theirs: dict[str, str] = {}
        for name in state_dict:
            if any(f".{parts}." in f".{name}." for parts in self._dropped):
                continue
            first = theirs.setdefault(self.name(name), name)
            if first != name:
                raise ValueError(
                    f"the checkpoint's weights '{first}' and '{name}' would both be called "
                    f"'{self.name(name)}'"
                )
        return {ours: state_dict[name].data() for ours, name in theirs.items()}
