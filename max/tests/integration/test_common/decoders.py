"""Tiny decoders of other families, made of the parts of `max.nn`, beside transformers' own.

Each shows that its family's differences can be said with the parts alone. `DECODERS` has them by
name; `TinyDecoder.make` gives one with the weights of its reference, `graph_of` the graph that a
pipeline would build of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from integration.test_common.tiny_checkpoints import fill
from max import nn
from max.dtype import DType
from max.graph import DeviceRef, Graph, TensorType, TensorValue, ops
from max.nn.attention import QKV, per_head
from max.nn.kv_cache import KVCacheParams

CPU = DeviceRef.CPU()
VOCAB, HIDDEN, WIDE, HEADS, KV_HEADS, LAYERS, LENGTH = 97, 48, 80, 6, 2, 4, 128
_SIZES = {
    "vocab_size": VOCAB,
    "hidden_size": HIDDEN,
    "intermediate_size": WIDE,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KV_HEADS,
    "max_position_embeddings": LENGTH,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": None,
}

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class TinyDecoder:
    """A family's decoder.

    Attributes:
        config_name: transformers' configuration class.
        settings: what it is called with beside the sizes.
        build: makes the decoder of the configuration.
        rename: gives the reference's weights our names.
    """

    config_name: str
    settings: Mapping[str, Any]
    build: Callable[[Any], nn.Transformer]
    rename: Callable[[Tensors], Tensors]

    def make_reference(self) -> Any:
        """transformers' model, of random weights."""
        import transformers

        config = getattr(transformers, self.config_name)(**{**_SIZES, **self.settings})
        model = transformers.AutoModelForCausalLM.from_config(
            config, dtype=torch.float32, attn_implementation="eager"
        )
        fill(model, seed=0)
        return model.eval()

    def make(self, reference: Any) -> nn.Transformer:
        """Ours, with the weights of the reference."""
        decoder = self.build(reference.config)
        weights = self.rename(dict(reference.state_dict()))
        if reference.config.tie_word_embeddings:
            weights.pop("lm_head.weight")
        decoder.load_state_dict(weights)
        return decoder


class FlatNormAttention(nn.Attention):
    """Normalizes queries and keys of all heads together (OLMo 2)."""

    def __init__(self, eps: float, **settings: Any) -> None:
        super().__init__(**settings)
        self.q_norm = nn.RMSNorm(self.q_width, DType.float32, eps)
        self.k_norm = nn.RMSNorm(self.kv_width, DType.float32, eps)

    def prepare(self, qkv: QKV) -> QKV:
        return QKV(self.q_norm(qkv.q), self.k_norm(qkv.k), qkv.v)


class HeadNormAttention(nn.Attention):
    """Normalizes each head's queries and keys (Qwen3, Gemma 3)."""

    def __init__(self, eps: float, weight_offset: float = 0.0, **settings: Any) -> None:
        super().__init__(**settings)
        self.q_norm = nn.RMSNorm(self.head_dim, DType.float32, eps, weight_offset)
        self.k_norm = nn.RMSNorm(self.head_dim, DType.float32, eps, weight_offset)

    def prepare(self, qkv: QKV) -> QKV:
        q = per_head(self.q_norm, qkv.q, self.head_dim)
        return QKV(q, per_head(self.k_norm, qkv.k, self.head_dim), qkv.v)


class LearnedPositions(nn.Transformer):
    """Adds a vector for each position to the embedding (GPT-2)."""

    def __init__(self, positions: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.embed_positions = nn.Embedding(positions, self.dim, DType.float32, CPU)

    def embed(self, batch: nn.RaggedBatch[Any]) -> TensorValue:
        assert batch.positions is not None
        return super().embed(batch) + self.embed_positions(batch.positions)


def _rope(hf: Any, interleaved: bool = False) -> nn.Rope:
    given = hf.rope_parameters
    rotary_dim = int(_head_dim(hf) * given.get("partial_rotary_factor", 1.0))
    return nn.Rope(rotary_dim, given["rope_theta"], LENGTH, interleaved)


def _head_dim(hf: Any) -> int:
    return int(getattr(hf, "head_dim", None) or hf.hidden_size // hf.num_attention_heads)


def _attention(hf: Any, cls: type[nn.Attention] = nn.Attention, **settings: Any) -> nn.Attention:
    return cls(
        hidden_size=hf.hidden_size,
        num_attention_heads=hf.num_attention_heads,
        num_key_value_heads=getattr(hf, "num_key_value_heads", hf.num_attention_heads),
        head_dim=_head_dim(hf),
        **settings,
    )


def _rms_norm(hf: Any, **settings: Any) -> nn.RMSNorm:
    return nn.RMSNorm(hf.hidden_size, DType.float32, hf.rms_norm_eps, **settings)


def _gated(hf: Any, activation: str = "silu") -> nn.MLP:
    sizes = hf.hidden_size, hf.intermediate_size
    return nn.MLP(DType.float32, None, *sizes, [CPU], activation_function=activation)


def _plain(hf: Any, wide: int) -> nn.PlainMLP:
    return nn.PlainMLP(hf.hidden_size, wide, DType.float32, [CPU], "gelu_new", has_bias=True)


def _decoder(
    hf: Any,
    layers: Sequence[nn.Module],
    norm: nn.Module,
    cls: type[nn.Transformer] = nn.Transformer,
    head_has_bias: bool = False,
    **settings: Any,
) -> nn.Transformer:
    embedding = nn.Embedding(VOCAB, hf.hidden_size, DType.float32, CPU)
    head = nn.Linear(hf.hidden_size, VOCAB, DType.float32, CPU, has_bias=head_has_bias)
    if hf.tie_word_embeddings:
        head.set_shared_weight("weight", embedding.weight)
    kv_heads = getattr(hf, "num_key_value_heads", hf.num_attention_heads)
    params = KVCacheParams(DType.float32, kv_heads, _head_dim(hf), len(layers), [CPU], page_size=16)
    attentions = [part for layer in layers for part in layer.sublayers.values()]
    masks = [part.mask for part in attentions if isinstance(part, nn.Attention)]
    return cls(
        dim=hf.hidden_size,
        n_heads=hf.num_attention_heads,
        layers=layers,
        norm=norm,
        output=head,
        embedding=embedding,
        kv_params=params.with_windows([mask.reach for mask in masks]),
        return_logits=nn.ReturnLogits.ALL,
        **settings,
    )


def _qwen3(hf: Any) -> nn.Transformer:
    attention = {"cls": HeadNormAttention, "rope": _rope(hf), "eps": hf.rms_norm_eps}
    blocks = [
        nn.PreNormBlock(_attention(hf, **attention), _gated(hf), _rms_norm(hf), _rms_norm(hf))
        for _ in range(LAYERS)
    ]
    return _decoder(hf, blocks, _rms_norm(hf))


def _granite(hf: Any) -> nn.Transformer:
    rope = _rope(hf)
    blocks = [
        nn.PreNormBlock(
            _attention(hf, rope=rope, scale=hf.attention_multiplier),
            _gated(hf),
            _rms_norm(hf),
            _rms_norm(hf),
            residual_multiplier=hf.residual_multiplier,
        )
        for _ in range(LAYERS)
    ]
    factors = {"embedding_multiplier": hf.embedding_multiplier, "logits_scaling": hf.logits_scaling}
    return _decoder(hf, blocks, _rms_norm(hf), **factors)


def _gemma2(hf: Any) -> nn.Transformer:
    rope, scale, cap = _rope(hf), hf.query_pre_attn_scalar**-0.5, hf.attn_logit_softcapping

    def norm() -> nn.RMSNorm:
        return _rms_norm(hf, weight_offset=1.0)

    def block(kind: str) -> nn.SandwichBlock:
        window = hf.sliding_window if kind == "sliding_attention" else 0
        attention = _attention(hf, rope=rope, scale=scale, mask=nn.Mask(window=window, softcap=cap))
        return nn.SandwichBlock(
            attention, _gated(hf, hf.hidden_activation), (norm(), norm(), norm(), norm())
        )

    return _decoder(
        hf,
        [block(kind) for kind in hf.layer_types],
        norm(),
        embedding_multiplier=hf.hidden_size**0.5,
        logits_soft_cap=hf.final_logit_softcapping,
    )


def _gemma3(hf: Any) -> nn.Transformer:
    thetas = {kind: rope["rope_theta"] for kind, rope in hf.rope_parameters.items()}
    ropes = {kind: nn.Rope(_head_dim(hf), theta, LENGTH, False) for kind, theta in thetas.items()}

    def norm() -> nn.RMSNorm:
        return _rms_norm(hf, weight_offset=1.0)

    def block(kind: str) -> nn.SandwichBlock:
        attention = _attention(
            hf,
            HeadNormAttention,
            eps=hf.rms_norm_eps,
            weight_offset=1.0,
            rope=ropes[kind],
            scale=hf.query_pre_attn_scalar**-0.5,
            mask=nn.Mask(window=hf.sliding_window if kind == "sliding_attention" else 0),
        )
        return nn.SandwichBlock(
            attention, _gated(hf, hf.hidden_activation), (norm(), norm(), norm(), norm())
        )

    blocks = [block(kind) for kind in hf.layer_types]
    return _decoder(hf, blocks, norm(), embedding_multiplier=hf.hidden_size**0.5)


def _olmo2(hf: Any) -> nn.Transformer:
    attention = {"cls": FlatNormAttention, "rope": _rope(hf), "eps": hf.rms_norm_eps}
    blocks = [
        nn.PostNormBlock(_attention(hf, **attention), _gated(hf), _rms_norm(hf), _rms_norm(hf))
        for _ in range(LAYERS)
    ]
    return _decoder(hf, blocks, _rms_norm(hf))


def _cohere(hf: Any) -> nn.Transformer:
    rope = _rope(hf, interleaved=True)

    def norm() -> nn.LayerNorm:
        return nn.LayerNorm(hf.hidden_size, eps=hf.layer_norm_eps, use_bias=False)

    blocks = [
        nn.ParallelBlock(_attention(hf, rope=rope), _gated(hf), norm()) for _ in range(LAYERS)
    ]
    return _decoder(hf, blocks, norm(), logits_scaling=1 / hf.logit_scale)


def _phi(hf: Any) -> nn.Transformer:
    biases: dict[str, Any] = {"has_bias": True, "has_output_bias": True}
    rope = _rope(hf)

    def norm() -> nn.LayerNorm:
        return nn.LayerNorm(hf.hidden_size, eps=hf.layer_norm_eps)

    blocks = [
        nn.ParallelBlock(
            _attention(hf, rope=rope, **biases), _plain(hf, hf.intermediate_size), norm()
        )
        for _ in range(LAYERS)
    ]
    return _decoder(hf, blocks, norm(), head_has_bias=True)


def _gpt2(hf: Any) -> nn.Transformer:
    biases: dict[str, Any] = {"has_bias": True, "has_output_bias": True}

    def norm() -> nn.LayerNorm:
        return nn.LayerNorm(hf.hidden_size, eps=hf.layer_norm_epsilon)

    blocks = [
        nn.PreNormBlock(_attention(hf, **biases), _plain(hf, 4 * hf.hidden_size), norm(), norm())
        for _ in range(LAYERS)
    ]
    return _decoder(hf, blocks, norm(), LearnedPositions, positions=hf.n_positions)


def _same(weights: Tensors) -> Tensors:
    return {name.removeprefix("model."): tensor for name, tensor in weights.items()}


def _renamed(weights: Tensors, names: Mapping[str, str]) -> Tensors:
    def ours(name: str) -> str:
        for theirs, our in names.items():
            name = name.replace(theirs, our)
        return name

    return {ours(name): tensor for name, tensor in weights.items()}


_PHI_NAMES = {
    "model.": "",
    ".dense.": ".o_proj.",
    ".fc1.": ".up_proj.",
    ".fc2.": ".down_proj.",
    "final_layernorm.": "norm.",
}
_GPT2_NAMES = {
    "transformer.": "",
    "wte.": "embed_tokens.",
    "wpe.": "embed_positions.",
    "ln_f.": "norm.",
    "h.": "layers.",
    "ln_1.": "input_layernorm.",
    "ln_2.": "post_attention_layernorm.",
    "attn.c_proj.": "self_attn.o_proj.",
    "mlp.c_fc.": "mlp.up_proj.",
    "mlp.c_proj.": "mlp.down_proj.",
}


def _of_gpt2(weights: Tensors) -> Tensors:
    """Matrices are [in, out] there, and queries, keys and values stand side by side."""
    made: Tensors = {}
    for name, tensor in _renamed(weights, _GPT2_NAMES).items():
        if ".c_attn." in name:
            parts = zip("qkv", tensor.chunk(3, dim=-1), strict=True)
            for part, own in parts:
                made[name.replace("attn.c_attn", f"self_attn.{part}_proj")] = own.t().contiguous()
        else:
            is_turned = ".o_proj.weight" in name or (".mlp." in name and tensor.ndim == 2)
            made[name] = tensor.t().contiguous() if is_turned else tensor
    return made


DECODERS: Mapping[str, TinyDecoder] = {
    "qwen3": TinyDecoder("Qwen3Config", {"head_dim": 12}, _qwen3, _same),
    "granite": TinyDecoder(
        "GraniteConfig",
        {
            "attention_multiplier": 0.2,
            "embedding_multiplier": 3.0,
            "residual_multiplier": 0.4,
            "logits_scaling": 0.6,
        },
        _granite,
        _same,
    ),
    "gemma2": TinyDecoder(
        "Gemma2Config",
        {
            "head_dim": 12,
            "query_pre_attn_scalar": 7,
            "sliding_window": 5,
            "attn_logit_softcapping": 1.5,
            "final_logit_softcapping": 2.5,
        },
        _gemma2,
        _same,
    ),
    "gemma3": TinyDecoder(
        "Gemma3TextConfig",
        {
            "head_dim": 12,
            "query_pre_attn_scalar": 7,
            "sliding_window": 5,
            "layer_types": ["sliding_attention", "full_attention"] * 2,
        },
        _gemma3,
        _same,
    ),
    "olmo2": TinyDecoder("Olmo2Config", {}, _olmo2, _same),
    "cohere": TinyDecoder("CohereConfig", {"logit_scale": 0.3}, _cohere, _same),
    "phi": TinyDecoder(
        "PhiConfig",
        {"num_key_value_heads": HEADS, "partial_rotary_factor": 0.5},
        _phi,
        lambda weights: _renamed(weights, _PHI_NAMES),
    ),
    "gpt2": TinyDecoder("GPT2Config", {"num_key_value_heads": HEADS}, _gpt2, _of_gpt2),
}


def graph_of(decoder: nn.Transformer) -> Graph:
    """The graph of a decoder: tokens, row offsets, positions, then the cache's tensors."""
    types = [
        TensorType(DType.int64, ["rows"], CPU),
        TensorType(DType.uint32, ["offsets"], CPU),
        TensorType(DType.int64, ["rows"], CPU),
        *decoder.kv_params.get_symbolic_inputs().flatten(),
    ]
    with Graph("decoder", input_types=types) as graph:
        tokens, offsets, positions, *cache = graph.inputs
        n_logits = ops.constant([1], DType.int64, CPU)
        batch = nn.RaggedBatch(tokens.tensor, offsets.tensor, n_logits, positions=positions.tensor)
        values = decoder.kv_params.get_symbolic_inputs().unflatten(cache)
        graph.output(*decoder.decode(batch, values[0]))
    return graph
