"""Classic mistakes of bringing up a model, for planting."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from safetensors.torch import load_file, save_file

from max.graph import TensorValue, ops
from max.nn import Attention, PreNormBlock, RMSNorm
from max.nn.attention import QKV, HeadNormAttention
from max.nn.cached_layer import run_layer
from max.nn.moe import MoE
from max.pipelines.lib.decoder_config import DecoderConfig

Weights = dict[str, torch.Tensor]
L0 = "model.layers.0."


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    Attributes:
        name: for the test.
        model: the tiny model that it is made in.
        layer: path of the layer that computes otherwise.
        cause: what the tool should call it.
        settings: fields of the configuration that are wrong; a function makes it of the right one.
        weights: what is wrong with the weights that MAX loads.
        code: what is wrong with the code, while the model is made and run.
    """

    name: str
    model: str
    layer: str
    cause: str
    settings: Mapping[str, Any] | None = None
    weights: Callable[[Weights], None] | None = None
    code: Callable[[], AbstractContextManager[Any]] | None = None

    def checkpoint(self, folder: Path, copy: Path) -> Path:
        """The checkpoint that MAX is given: the model's own, or a copy with wrong weights."""
        if self.weights is None:
            return folder
        shutil.copytree(folder, copy)
        file = copy / "model.safetensors"
        weights = load_file(file)
        self.weights(weights)
        save_file({n: w.contiguous() for n, w in weights.items()}, file, {"format": "pt"})
        return copy

    @contextmanager
    def planted(self) -> Iterator[None]:
        """The mistake is in MAX meanwhile."""
        finalize = DecoderConfig.finalize

        def finalize_wrongly(config: DecoderConfig, *args: Any, **kwargs: Any) -> None:
            finalize(config, *args, **kwargs)
            for name, value in (self.settings or {}).items():
                assert hasattr(config, name)
                setattr(config, name, value(getattr(config, name)) if callable(value) else value)

        with patch.object(DecoderConfig, "finalize", finalize_wrongly):
            if self.code is None:
                yield
            else:
                with self.code():
                    yield


def _transpose(name: str) -> Callable[[Weights], None]:
    def change(weights: Weights) -> None:
        weights[L0 + name] = weights[L0 + name].T

    return change


def _swap(first: str, second: str) -> Callable[[Weights], None]:
    def change(w: Weights) -> None:
        w[L0 + first], w[L0 + second] = w[L0 + second].clone(), w[L0 + first].clone()

    return change


def _zero_bias(weights: Weights) -> None:
    weights[L0 + "self_attn.k_proj.bias"].zero_()


def _less_one(weights: Weights) -> None:
    weights[L0 + "input_layernorm.weight"] -= 1


def _tie(weights: Weights) -> None:
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()


def _permute_queries(weights: Weights) -> None:
    """As GGUF files of Llamas have the rows of queries and keys."""
    name = L0 + "self_attn.q_proj.weight"
    rows = weights[name].view(4, 2, 8, -1)  # heads of 16 elements
    weights[name] = rows.transpose(1, 2).reshape(weights[name].shape)


def _no_qk_norm() -> AbstractContextManager[Any]:
    return patch.object(HeadNormAttention, "prepare", Attention.prepare)


def _subtracting_mean() -> AbstractContextManager[Any]:
    call = RMSNorm.__call__
    return patch.object(RMSNorm, "__call__", lambda self, x: call(self, x - ops.mean(x)))


def _tiled_heads() -> AbstractContextManager[Any]:
    attend = Attention.attend

    def reordered(x: TensorValue, groups: int, head_dim: int) -> TensorValue:
        heads = x.reshape([x.shape[0], groups, -1, head_dim])
        return heads.transpose(1, 2).reshape(x.shape)

    def attend_tiled(self: Attention, qkv: QKV, *args: Any) -> TensorValue:
        kv_heads = self.kv_width // self.head_dim
        q = reordered(qkv.q, self.n_heads // kv_heads, self.head_dim)
        return reordered(attend(self, qkv._replace(q=q), *args), kv_heads, self.head_dim)

    return patch.object(Attention, "attend", attend_tiled)


def _residual_after_norm() -> AbstractContextManager[Any]:
    def forward(self: PreNormBlock, x: TensorValue, layer: Any, batch: Any) -> TensorValue:
        normed = self.input_layernorm(x)
        h = normed + run_layer(self.self_attn, normed, layer, batch)
        result: TensorValue = h + self.mlp(self.post_attention_layernorm(h))
        return result

    return patch.object(PreNormBlock, "forward", forward)


def _routing(**changes: Any) -> Callable[[], AbstractContextManager[Any]]:
    make = MoE.__init__

    def make_wrongly(self: MoE, *args: Any, **settings: Any) -> None:
        make(self, *args, **settings)
        self.routing = replace(self.routing, **changes)

    return lambda: patch.object(MoE, "__init__", make_wrongly)


ATTENTION, MLP = "layers.0.self_attn", "layers.0.mlp"
MISTAKES = (
    Mistake(
        "rope layout", "tiny-llama", ATTENTION, "rope-layout", {"interleaved_rope_weights": True}
    ),
    Mistake("rope theta", "tiny-qwen2", ATTENTION, "rope-angles", {"rope_theta": 10000.0}),
    Mistake(
        "rope scaling", "tiny-llama-gqa8", ATTENTION, "rope-angles", {"rope_scaling_params": None}
    ),
    Mistake("partial rope", "tiny-llama", ATTENTION, "rope-angles", {"partial_rotary_factor": 0.5}),
    Mistake("scale", "tiny-granite", ATTENTION, "attention-scale", {"attention_multiplier": 0.25}),
    Mistake("window", "tiny-qwen3-windows", "layers.1.self_attn", "mask", {"sliding_window": 9}),
    Mistake("windows in every layer", "tiny-qwen3-windows", ATTENTION, "mask", {"layer_types": ()}),
    Mistake("eps", "tiny-llama", "layers.0.input_layernorm", "eps", {"rms_norm_eps": 1e-5}),
    Mistake("activation", "tiny-llama", MLP, "activation", {"hidden_act": "gelu_tanh"}),
    Mistake(
        "residual factor",
        "tiny-granite",
        "layers.0",
        "residual-multiplier",
        {"residual_multiplier": 1.0},
    ),
    Mistake(
        "embedding factor",
        "tiny-granite",
        "layers.0",
        "embedding-scale",
        {"embedding_multiplier": 1.0},
    ),
    Mistake("logits factor", "tiny-granite", "model", "logits-scale", {"logits_scaling": 1.0}),
    Mistake("logits cap", "tiny-llama", "model", "softcap", {"logits_soft_cap": 2.0}),
    Mistake(
        "transposed",
        "tiny-llama",
        f"{ATTENTION}.o_proj",
        "transposed-weight",
        weights=_transpose("self_attn.o_proj.weight"),
    ),
    Mistake(
        "keys and values",
        "tiny-llama",
        f"{ATTENTION}.k_proj",
        "weight-name",
        weights=_swap("self_attn.k_proj.weight", "self_attn.v_proj.weight"),
    ),
    Mistake(
        "gate and up",
        "tiny-llama",
        f"{MLP}.gate_proj",
        "weight-name",
        weights=_swap("mlp.gate_proj.weight", "mlp.up_proj.weight"),
    ),
    Mistake(
        "norms exchanged",
        "tiny-llama",
        "layers.0.input_layernorm",
        "weight-name",
        weights=_swap("input_layernorm.weight", "post_attention_layernorm.weight"),
    ),
    Mistake(
        "missing bias", "tiny-qwen2", f"{ATTENTION}.k_proj", "missing-bias", weights=_zero_bias
    ),
    Mistake(
        "norm offset", "tiny-llama", "layers.0.input_layernorm", "norm-offset", weights=_less_one
    ),
    Mistake("tied head", "tiny-llama", "lm_head", "tied-embeddings", weights=_tie),
    Mistake(
        "permuted rows",
        "tiny-llama",
        f"{ATTENTION}.q_proj",
        "rope-layout",
        weights=_permute_queries,
    ),
    Mistake("no qk norm", "tiny-qwen3", ATTENTION, "qk-norm", code=_no_qk_norm),
    Mistake(
        "layer norm", "tiny-llama", "layers.0.input_layernorm", "norm-kind", code=_subtracting_mean
    ),
    Mistake("heads in turn", "tiny-llama", ATTENTION, "head-grouping", code=_tiled_heads),
    Mistake(
        "residual after norm", "tiny-llama", "layers.0", "residual-order", code=_residual_after_norm
    ),
    Mistake(
        "router order",
        "tiny-qwen2_moe",
        MLP,
        "router-order",
        code=_routing(scores="softmax_of_chosen"),
    ),
    Mistake("router sum", "tiny-qwen3_moe", MLP, "router-sum", code=_routing(renormalizes=False)),
)
