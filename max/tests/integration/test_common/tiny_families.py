"""A model small enough for a test for each family, and for each way in which its files differ.

Sizes are odd, so that no kernel's blocks divide them, and every setting is one that shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from integration.test_common.parity import Pair
from integration.test_common.step_runner import StepRunner
from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_experts import families_with_experts
from integration.test_common.tiny_models import LLAMA3_ROPE, TinyModel
from integration.test_common.tiny_remote import write_remote

_SIZES: Mapping[str, Any] = {
    "hidden_size": 72,
    "intermediate_size": 99,
    "num_attention_heads": 6,
    "head_dim": 12,
    "num_hidden_layers": 4,
}


def _tiny(name: str, config_cls: str, **settings: Any) -> TinyModel:
    """A model of the usual sizes, or others, with settings of its own."""
    own = {field.name for field in fields(TinyModel)}
    return TinyModel(
        name=f"tiny-{name}",
        family=name.partition("-")[0],
        config_cls=config_cls,
        settings={key: value for key, value in settings.items() if key not in own},
        **{**_SIZES, **{key: value for key, value in settings.items() if key in own}},
    )


def _by_kind(local: Mapping[str, Any], full: Mapping[str, Any]) -> dict[str, Any]:
    """`rope_parameters` of windowed layers, and of those that see everything."""
    return {
        "sliding_attention": {"rope_type": "default", **local},
        "full_attention": {"rope_type": "default", **full},
    }


# Kinds of scaled angles, and their parameters, for a pretraining with very short texts.
_SCALINGS: Mapping[str, Mapping[str, Any]] = {
    "dynamic": {"rope_theta": 1e4, "factor": 2.0},
    "linear": {"rope_theta": 1e4, "factor": 4.0},
    "llama3": {"rope_theta": 1e4, **LLAMA3_ROPE},
    "yarn": {"rope_theta": 1e4, "factor": 8.0, "original_max_position_embeddings": 16},
    "longrope": {
        "rope_theta": 1e4,
        "short_factor": [1.0, 1.2, 1.4, 1.6, 1.8, 2.0],
        "long_factor": [2.0, 2.5, 3.0, 3.5, 4.0, 5.0],
        "original_max_position_embeddings": 4,
        "attention_factor": 1.1,
    },
}
_LOCAL_AND_FULL = ["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"]
_TIED: Mapping[str, Any] = {"tie_word_embeddings": True}


def _families() -> Iterable[TinyModel]:
    for kind, rope in _SCALINGS.items():
        yield _tiny(f"llama-{kind}", "LlamaConfig", rope_parameters={"rope_type": kind, **rope})
    later = {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 2}
    yield _tiny("qwen2-windows", "Qwen2Config", **_TIED, **later)
    yield _tiny("mistral", "MistralConfig", sliding_window=5)
    yield _tiny("mistral-full", "MistralConfig", sliding_window=None)
    yield _tiny("gemma", "GemmaConfig", **_TIED)
    gemma = {"sliding_window": 5, "query_pre_attn_scalar": 7, "layer_types": _LOCAL_AND_FULL}
    caps = {"attn_logit_softcapping": 1.5, "final_logit_softcapping": 2.5}
    yield _tiny("gemma2", "Gemma2Config", **_TIED, **gemma, **caps)
    linear = {"rope_theta": 1e6, "rope_type": "linear", "factor": 8.0}
    ropes = _by_kind({"rope_theta": 100.0}, linear)
    yield _tiny("gemma3", "Gemma3TextConfig", **_TIED, **gemma, rope_parameters=ropes)
    yield _tiny("olmo", "OlmoConfig", clip_qkv=0.8)
    yield _tiny("olmo-unlimited", "OlmoConfig", **_TIED)
    yield _tiny("olmo2", "Olmo2Config")
    yarn = {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 16}
    ropes = _by_kind({"rope_theta": 500.0}, {"rope_theta": 5e5, **yarn})
    yield _tiny("olmo3", "Olmo3Config", sliding_window=5, rope_parameters=ropes)
    windows = {"sliding_window": 5, "layer_types": _LOCAL_AND_FULL}
    yield _tiny("exaone4", "Exaone4Config", **windows)
    every = ["full_attention"] * 4
    yield _tiny("exaone4-full", "Exaone4Config", sliding_window=None, layer_types=every)
    yield _tiny("smollm3", "SmolLM3Config", **_TIED, no_rope_layers=[1, 0, 1, 0])
    local = {"use_sliding_window": True, "sliding_window": 5}
    yield _tiny("smollm3-windows", "SmolLM3Config", **local)
    half = {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5}
    yield _tiny("phi", "PhiConfig", rope_parameters=half)
    yield _tiny("phi-norms", "PhiConfig", rope_parameters=half, qk_layernorm=True)
    yield _tiny("phi3", "Phi3Config", sliding_window=5)
    longrope = {
        "rope_type": "longrope",
        "rope_theta": 1e4,
        "partial_rotary_factor": 0.5,
        "short_factor": [1.0, 1.5, 2.0],
        "long_factor": [2.0, 3.5, 5.0],
    }
    # The sharp scores of long contexts, and squares, double bfloat16's rounding in each layer.
    two = {"num_hidden_layers": 2}
    # transformers takes it from the configuration itself.
    original = {"original_max_position_embeddings": 4}
    rope = {**longrope, **original}
    yield _tiny("phi3-long", "Phi3Config", rope_parameters=rope, **original, **two)
    original = {"original_max_position_embeddings": 512}
    yield _tiny("phi3-short", "Phi3Config", rope_parameters={**longrope, **original}, **original)
    yield _tiny("cohere", "CohereConfig", **_TIED, logit_scale=0.3)
    yield _tiny("cohere-norms", "CohereConfig", **_TIED, logit_scale=0.3, use_qk_norm=True)
    yield _tiny("cohere2", "Cohere2Config", **_TIED, logit_scale=0.3, **windows)
    yield _tiny("starcoder2", "Starcoder2Config", **_TIED, sliding_window=5)
    yield _tiny("starcoder2-plain", "Starcoder2Config", use_bias=False)
    yield _tiny("glm4", "Glm4Config", attention_bias=True, rope_parameters=half)
    yield _tiny("gpt2", "GPT2Config", **_TIED, n_inner=99)
    yield _tiny("gpt2-by-layer", "GPT2Config", **_TIED, scale_attn_by_inverse_layer_idx=True)
    falcon = {"ffn_hidden_size": 99}
    yield _tiny("falcon", "FalconConfig", **_TIED, **falcon)
    newer = {"new_decoder_architecture": True, "num_kv_heads": 2}
    yield _tiny("falcon-grouped", "FalconConfig", **falcon, **newer, bias=True)
    yield _tiny("falcon-one-norm", "FalconConfig", **falcon, **newer, num_ln_in_parallel_attn=1)
    older = {"multi_query": False, "num_kv_heads": 6, "parallel_attn": False}
    yield _tiny("falcon-in-turn", "FalconConfig", **_TIED, **falcon, **older)
    yield _tiny("stablelm", "StableLmConfig", rope_parameters=half, use_qkv_bias=True)
    parallel = {"use_parallel_residual": True, "qk_layernorm": True}
    yield _tiny("stablelm-parallel", "StableLmConfig", rope_parameters=half, **parallel)
    yield _tiny("nemotron", "NemotronConfig", rope_parameters=half, **two)
    yield _tiny("nemotron-biases", "NemotronConfig", attention_bias=True, mlp_bias=True, **two)
    growing = {
        **{"rope_type": "yarn", "factor": 8.0, "rope_theta": 1e4},
        **{"original_max_position_embeddings": 16, "llama_4_scaling_beta": 0.3},
        **{"mscale": 1.0, "mscale_all_dim": 1.0},
    }
    yield _tiny("ministral3", "Ministral3Config", rope_parameters=growing)
    yield replace(
        _tiny("internlm2", "LlamaConfig"),
        remote_architecture="InternLM2ForCausalLM",
    )
    factors = {
        **{"embedding_multiplier": 3.0, "residual_multiplier": 0.4, "logits_scaling": 0.75},
        "attention_multiplier": 12**-0.5,
    }
    yield replace(
        _tiny("minicpm", "GraniteConfig", **_TIED, **factors),
        remote_architecture="MiniCPMForCausalLM",
    )


_WITH_EXPERTS = {model.name: model for model in families_with_experts(_tiny)}
TINY_FAMILIES: Mapping[str, TinyModel] = {
    **{model.name: model for model in _families()},
    **_WITH_EXPERTS,
}
# Whose scores may be so near to each other that rounding chooses other experts.
WITH_EXPERTS = frozenset(_WITH_EXPERTS)


def make_pair(model: TinyModel, folder: Path, encoding: str = "float32") -> Pair:
    """A family's model beside transformers' own.

    Args:
        model: one of `TINY_FAMILIES`.
        folder: where its checkpoints are written; must be empty or missing.
        encoding: of both.
    """
    pair = Pair(make_checkpoint(model, folder / "model"), encoding)
    if model.remote_architecture:
        remote = write_remote(pair.folder, folder / "remote", model.remote_architecture)
        pair.max = StepRunner(remote, encoding)
    return pair
