"""A GGUF file as families read it: metadata and tensors by name.

Keys are those of ggml/docs/gguf.md; the names of what is given are Hugging Face's.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from max.graph.weights.headers.gguf import GGUFHeader, read_gguf_header
from max.pipelines.checkpoint.gguf.choice import parts_of
from max.pipelines.modeling.errors import ModelSourceError

_SIZES = {
    "num_hidden_layers": "block_count",
    "hidden_size": "embedding_length",
    "intermediate_size": "feed_forward_length",
    "num_attention_heads": "attention.head_count",
    "max_position_embeddings": "context_length",
}
# Layers, heads or experts.
_MOST = 1 << 16
# Tables of float32.
_ROPE_FACTORS = "rope_freqs.weight"
_SHORT_FACTORS, _LONG_FACTORS = "rope_factors_short.weight", "rope_factors_long.weight"
# Kinds of rope scaling, and the entries of their parameters.
_SCALING_KEYS = {
    "linear": {"factor": "rope.scaling.factor"},
    "yarn": {
        "factor": "rope.scaling.factor",
        "original_max_position_embeddings": "rope.scaling.original_context_length",
        "beta_fast": "rope.scaling.yarn_beta_fast",
        "beta_slow": "rope.scaling.yarn_beta_slow",
    },
    "longrope": {},
}


class GGUFModel:
    """One model's first file.

    Args:
        header: of the file.
        path: the file.
    """

    def __init__(self, header: GGUFHeader, path: Path) -> None:
        self.path = path
        self._header = header
        self._reads_experts = False
        self.architecture = str(header.metadata.get("general.architecture", ""))

    def own(self, key: str, default: Any = None) -> Any:
        """The entry `<architecture>.<key>`, which is one number or text.

        Raises:
            ModelSourceError: if it is missing, or another one for each layer.
        """
        full = f"{self.architecture}.{key}"
        value = self._header.metadata.get(full, default)
        if value is None:
            raise ModelSourceError(f"{self.path} has no metadata '{full}'; convert it again")
        if isinstance(value, list):
            if len(set(value)) != 1:
                raise ModelSourceError(
                    f"{self.path} has layers of different sizes ({full}: {value}), which is not "
                    "supported"
                )
            value = value[0]
        if key.endswith("_count") and isinstance(value, int) and not 0 <= value <= _MOST:
            raise ModelSourceError(f"{self.path} has {full} {value}: is it damaged?")
        return value

    def has(self, tensor: str) -> bool:
        """Whether there is a tensor of that name."""
        return tensor in self._header.tensors

    def biases(self) -> dict[str, bool]:
        """Which projections of a decoder have biases: only the tensors tell."""
        return {
            "attention_bias": self.has("blk.0.attn_q.bias"),
            "attention_output_bias": self.has("blk.0.attn_output.bias"),
            "mlp_bias": self.has("blk.0.ffn_up.bias"),
        }

    def windows(self, period: int, usual: int = 0) -> dict[str, Any]:
        """The fields of windows, which all layers have but every last one of a period.

        Args:
            period: layers of one; `attention.sliding_window_pattern` may say another.
            usual: size of the windows where the file does not say.
        """
        layers = int(self.own("block_count"))
        if not (window := self.own("attention.sliding_window", usual)):
            return {"sliding_window": None, "layer_types": ["full_attention"] * layers}
        pattern = self._header.metadata.get(
            f"{self.architecture}.attention.sliding_window_pattern", period
        )
        if not isinstance(pattern, list):
            pattern = [(index + 1) % pattern != 0 for index in range(layers)]
        kinds = ["sliding_attention" if is_local else "full_attention" for is_local in pattern]
        return {"sliding_window": window, "layer_types": kinds}

    def rows(self, tensor: str) -> int:
        """The rows of a tensor.

        Raises:
            ModelSourceError: if there is none of that name.
        """
        if not self.has(tensor):
            raise ModelSourceError(
                f"{self.path} has no tensor '{tensor}'; is it a whole language model?"
            )
        return self._header.tensors[tensor].shape[0]

    def decoder(self, eps: str = "rms_norm_eps") -> dict[str, Any]:
        """The fields of config.json that every decoder has.

        Args:
            eps: what config.json calls the norms' epsilon; of layer norms if not "rms_norm_eps".

        Raises:
            ModelSourceError: if one is missing, or the layers have experts that nobody asks for.
        """
        if not self.own("attention.causal", True):
            raise ModelSourceError(
                f"{self.path} is a model in which every token sees all others "
                f"({self.architecture}.attention.causal is false), which is not supported"
            )
        if self.own("expert_count", 0) and not self._reads_experts:
            raise ModelSourceError(f"{self.path} is a mixture of experts, which is not supported")
        sizes = {name: self.own(key) for name, key in _SIZES.items()}
        heads = sizes["num_attention_heads"]
        eps_key = "layer_norm_rms_epsilon" if eps == "rms_norm_eps" else "layer_norm_epsilon"
        head_dim = self.own("attention.key_length", 0) or self._head_dim(sizes)
        return {
            **sizes,
            eps: self.own(f"attention.{eps_key}"),
            "num_key_value_heads": self.own("attention.head_count_kv", heads),
            "head_dim": head_dim,
            "vocab_size": self.rows("token_embd.weight"),
            "tie_word_embeddings": not self.has("output.weight"),
            "hidden_act": "silu",
            **self.rope(head_dim),
        }

    def encoder(self, eps: str) -> dict[str, Any]:
        """The fields of config.json that every encoder has.

        Args:
            eps: what config.json calls the norms' epsilon.

        Raises:
            ModelSourceError: if one is missing.
        """
        sizes = {name: self.own(key) for name, key in _SIZES.items()}
        eps_of_norms = self.own("attention.layer_norm_epsilon")
        return {**sizes, eps: eps_of_norms, "vocab_size": self.rows("token_embd.weight")}

    def experts(self, count: str = "num_experts") -> dict[str, Any]:
        """The fields of every decoder with experts, before those of `decoder`.

        Args:
            count: what the family calls their number.
        """
        self._reads_experts = True
        return {
            count: self.own("expert_count"),
            "num_experts_per_tok": self.own("expert_used_count"),
        }

    def _head_dim(self, sizes: Mapping[str, int]) -> int:
        """Of a file that does not say: by the rows of the queries, if they are there alone."""
        heads = sizes["num_attention_heads"]
        has_queries = self.has("blk.0.attn_q.weight")
        return (self.rows("blk.0.attn_q.weight") if has_queries else sizes["hidden_size"]) // heads

    def rope(self, head_dim: int) -> dict[str, Any]:
        """The fields of the rotary angles of heads of so many elements.

        Raises:
            ModelSourceError: for a kind of scaling whose entries are not read.
        """
        rope = {"rope_type": "default", "rope_theta": self.own("rope.freq_base", 10000.0)}
        turned = self.own("rope.dimension_count", head_dim)
        if turned != head_dim:
            rope["partial_rotary_factor"] = turned / head_dim
        # Old files have a factor under another name, and all mean a linear one unless they say so.
        factor = self.own("rope.scaling.factor", 0.0) or self.own("rope.scale_linear", 0.0)
        kind = self.own("rope.scaling.type", "linear" if factor else "none")
        if kind not in ("none", *_SCALING_KEYS):
            # Each has entries of its own, which are not read: its angles would be others.
            raise ModelSourceError(
                f"{self.path} has rope scaling of type '{kind}', which is not supported in GGUF "
                f"files; known: none, {', '.join(_SCALING_KEYS)}"
            )
        if kind != "none":
            given = {name: self.own(key, 0.0) for name, key in _SCALING_KEYS[kind].items()}
            if "factor" in given:
                given["factor"] = factor or 1.0
            rope |= {"rope_type": kind, **{name: v for name, v in given.items() if v}}
        if self.has(_LONG_FACTORS):
            original = self.own("rope.scaling.original_context_length")
            rope |= {
                "rope_type": "longrope",
                "short_factor": self._table(_SHORT_FACTORS),
                "long_factor": self._table(_LONG_FACTORS),
                "original_max_position_embeddings": original,
                "attention_factor": self.own("rope.scaling.attn_factor", 1.0),
            }
        elif (factor := self.own("rope.scaling.attn_factor", 1.0)) != 1.0:
            raise ModelSourceError(
                f"{self.path} multiplies angles' sines and cosines by {factor} "
                f"({self.architecture}.rope.scaling.attn_factor) without a table of factors, which "
                "is not supported"
            )
        fields: dict[str, Any] = {"rope_parameters": rope}
        if self.has(_ROPE_FACTORS):
            fields["rope_freq_factors"] = self._table(_ROPE_FACTORS)
        return fields

    def _table(self, name: str) -> list[float]:
        """What the rotary frequencies are divided by, where the stretching comes as a table."""
        headers = ((part, read_gguf_header(part)) for part in parts_of(self.path))
        part, header = next(each for each in headers if name in each[1].tensors)
        table = header.tensors[name]
        start = header.data_start + table.offset
        factors: list[float] = np.fromfile(part, "<f4", prod(table.shape), offset=start).tolist()
        return factors
