from __future__ import annotations

from typing import Any, cast

import pytest

from max.graph.weights.renames import Renames

GGUF = Renames({"blk": "layers", "attn_q": "self_attn.q_proj", "output.weight": "lm_head.weight"})
SAFETENSORS = Renames({"model.": ""}, dropped=("rotary_emb.inv_freq",))


class Place:
    """A weight of a checkpoint."""

    def __init__(self, content: str) -> None:
        self.content = content

    def data(self) -> str:
        return self.content


def renamed(rules: Renames, *names: str) -> dict[str, str]:
    return cast("dict[str, str]", rules(cast(Any, {name: Place(name) for name in names})))


@pytest.mark.parametrize(
    ("rules", "theirs", "ours"),
    [
        (GGUF, "blk.0.attn_q.weight", "layers.0.self_attn.q_proj.weight"),
        (GGUF, "output.weight", "lm_head.weight"),
        # Whole parts alone.
        (GGUF, "blk.0.attn_qkv.weight", "layers.0.attn_qkv.weight"),
        (GGUF, "blk.0.attn_q_norm.weight", "layers.0.attn_q_norm.weight"),
        (GGUF, "blk.0.output.weights", "layers.0.output.weights"),
        (SAFETENSORS, "model.layers.0.mlp.up_proj.weight", "layers.0.mlp.up_proj.weight"),
        (SAFETENSORS, "model.language_model.norm.weight", "language_model.norm.weight"),
        (SAFETENSORS, "lm_head.weight", "lm_head.weight"),
    ],
)
def test_names(rules: Renames, theirs: str, ours: str) -> None:
    assert renamed(rules, theirs) == {ours: theirs}


def test_no_rule_reads_what_another_wrote() -> None:
    rules = Renames({"ffn_norm": "norm", "norm": "ffn_norm"})
    assert renamed(rules, "norm.weight", "ffn_norm.weight").keys() == {
        "ffn_norm.weight",
        "norm.weight",
    }


def test_dropped_weights() -> None:
    names = ("model.layers.0.rotary_emb.inv_freq", "model.my_rotary_emb.inv_freq")
    assert list(renamed(SAFETENSORS, *names)) == ["my_rotary_emb.inv_freq"]


def test_two_weights_of_one_name() -> None:
    with pytest.raises(ValueError, match=r"'model\.norm\.weight' and 'norm\.weight' would both"):
        renamed(SAFETENSORS, "model.norm.weight", "norm.weight")
