"""Small helpers of architectures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from max.pipelines.config import MAXModelConfig, PipelineConfig
from max.pipelines.lib.call_tolerantly import call_tolerantly

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from max.graph.weights import WeightData, Weights, WeightsAdapter


def upper_bounded_default(upper_bound: int, default: int | None) -> int:
    """`default`, or the bound when there is none.

    Raises:
        ValueError: if the default is above the bound.
    """
    if default is None:
        return upper_bound
    if default > upper_bound:
        raise ValueError(
            f"max_length of {default} is more than the {upper_bound} tokens that the model can do: "
            "lower --max-length"
        )
    return default


def bounded_max_length(
    pipeline_config: PipelineConfig,
    huggingface_config: PretrainedConfig,
    model_config: MAXModelConfig | None = None,
) -> int:
    """Most tokens of a request: `--max-length`, or the model's `max_position_embeddings`.

    Raises:
        ValueError: if `--max-length` is more than the model's limit.
    """
    return upper_bounded_default(
        upper_bound=huggingface_config.max_position_embeddings,
        default=(model_config or pipeline_config.model).max_length,
    )


def get_rope_theta(huggingface_config: PretrainedConfig) -> float:
    """The base of the rotary angles, wherever config.json keeps it."""
    return float(rope_parameters(huggingface_config)["rope_theta"])


def rope_parameters(huggingface_config: PretrainedConfig) -> dict[str, Any]:
    """`rope_theta`, `rope_type` and the scaling's parameters as one dict.

    transformers 5 keeps them in `rope_parameters`; earlier checkpoints have `rope_theta` and
    `rope_scaling` (whose type is under "rope_type" or "type"). Where each kind of layers has its
    own, they are those of the layers that see everything.
    """
    by_kind = rope_parameters_by_kind(huggingface_config)
    if "full_attention" in by_kind:
        return by_kind["full_attention"]
    found: dict[str, Any] = {"rope_theta": getattr(huggingface_config, "rope_theta", 10000.0)}
    found |= getattr(huggingface_config, "rope_scaling", None) or {}
    found |= getattr(huggingface_config, "rope_parameters", None) or {}
    found["rope_type"] = found.get("rope_type") or found.get("type") or "default"
    return found


def rope_parameters_by_kind(huggingface_config: PretrainedConfig) -> dict[str, dict[str, Any]]:
    """The `rope_parameters` of each kind of layers; empty where all layers have the same."""
    given = getattr(huggingface_config, "rope_parameters", None) or {}
    return {
        kind: {**own, "rope_type": own.get("rope_type") or own.get("type") or "default"}
        for kind, own in given.items()
        if isinstance(own, dict)
    }


def parse_state_dict_from_weights(
    pipeline_config: PipelineConfig, weights: Weights, adapter: WeightsAdapter | None = None
) -> dict[str, WeightData]:
    """The checkpoint's weights under the names that the model gives them.

    Args:
        pipeline_config: passed to the adapter, as `pipeline_config` and as `model_config`.
        weights: the checkpoint.
        adapter: renames and converts; None leaves all as it is.

    Raises:
        TypeError: if the adapter gives no dict.
    """
    if adapter is None:
        return {name: value.data() for name, value in weights.items()}
    state_dict: Any = call_tolerantly(
        adapter,
        dict(weights.items()),
        huggingface_config=pipeline_config.model.huggingface_config,
        pipeline_config=pipeline_config,
        model_config=pipeline_config.model,
    )
    if not isinstance(state_dict, dict):
        raise TypeError(
            f"the weight adapter {getattr(adapter, '__name__', adapter)!r} must return a dict of "
            f"WeightData by name, got {type(state_dict).__name__}: does it end without `return`?"
        )
    return state_dict
