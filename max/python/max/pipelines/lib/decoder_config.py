"""What a decoder is, read from config.json once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from max.driver import load_devices
from max.dtype import DType
from max.graph import DeviceRef
from max.graph.weights import WeightData
from max.nn import Mask, ReturnHiddenStates, ReturnLogits, RopeScaling
from max.nn.activations import activation_name
from max.nn.kv_cache import KVCacheParams
from max.nn.rope import RopeFactors, rope_scaling_of
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.hf_files import read_json
from max.pipelines.config import MAXModelConfig, PipelineConfig
from max.pipelines.lib.call_tolerantly import call_tolerantly
from max.pipelines.lib.interfaces import (
    ArchConfigWithBoundedMaxSeqLen,
    ArchConfigWithStoredKVParams,
)
from max.pipelines.lib.utils import rope_parameters, rope_parameters_by_kind

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# What Hugging Face calls the usual kinds of layers.
FULL, SLIDING = "full_attention", "sliding_attention"


class RopeSettings(NamedTuple):
    """The angles of a kind of layer; see `Rope`."""

    rotary_dim: int
    theta: float
    interleaved: bool = False
    scaling: RopeScaling | None = None


class LayerKind(NamedTuple):
    """How a layer of one kind attends: by which angles (None for none), and to what."""

    rope: RopeSettings | None
    mask: Mask


@dataclass(kw_only=True)
class DecoderConfig(ArchConfigWithStoredKVParams, ArchConfigWithBoundedMaxSeqLen):
    """Sizes and settings that every decoder has.

    `initialize` reads config.json and the settings; `finalize` what only the weights tell. A family
    adds fields of its own, with defaults, and reads them in `fields`; the methods `get_*` say where
    it keeps the usual ones.

    Args:
        hidden_size: width of the residual stream.
        num_attention_heads: query heads.
        num_key_value_heads: KV heads.
        num_hidden_layers: blocks.
        intermediate_size: width inside the MLP.
        vocab_size: rows of the embedding.
        max_seq_len: most tokens of a request.
        dtype: of the weights.
        devices: where the model runs; one device.
        kv_params: sizes of the cache.
        rms_norm_eps: of all norms, whatever their kind; None for a model that has none.
        attention_multiplier: factor of attention scores.
        rope_theta: base of the rotary angles.
        rope_scaling_params: how the angles are stretched for long contexts.
        interleaved_rope_weights: layout of queries and keys, see `Rope`.
        partial_rotary_factor: share of a head's elements that are turned.
        ropes: the angles of those kinds of layers that have their own.
        layer_types: the kind of each layer, as Hugging Face names it; empty where all are alike.
        sliding_window: positions that a query of a windowed layer sees; without `layer_types` all
            layers are windowed. None for no windows.
        attention_bias: whether the q, k, v projections have biases.
        attention_output_bias: whether the attention's output projection has one.
        mlp_bias: whether the MLP's projections have biases.
        hidden_act: the MLP's activation function.
        embedding_multiplier: factor of the embeddings.
        residual_multiplier: factor of what a block's parts add.
        logits_scaling: divisor of the logits.
        logits_soft_cap: logits l become `cap * tanh(l / cap)`; 0 for l itself.
        tie_word_embeddings: whether the head is the embedding.
        return_logits: which logits the graph gives.
        return_hidden_states: which hidden states it gives beside them.
    """

    # The fields of config.json that this very class knows (a subclass says its own); None for a
    # class that does not say, whose files are not checked.
    config_fields: ClassVar[ConfigFields | None] = None
    # Whether the cache gives away what windowed layers no longer read. Families say so whose layers
    # all attend by the masks of `layer_kind`.
    drops_old_pages: ClassVar[bool] = False
    # Whether the rows of queries and keys are in `Rope`'s interleaved order: in GGUF files, and in
    # all.
    gguf_rope_is_interleaved: ClassVar[bool] = False
    rope_is_interleaved: ClassVar[bool] = False
    # Entries of `rope_parameters` that are not about the angles, and that the family reads itself.
    own_rope_parameters: ClassVar[frozenset[str]] = frozenset()

    hidden_size: int
    num_attention_heads: int
    num_key_value_heads: int
    num_hidden_layers: int
    intermediate_size: int
    vocab_size: int
    max_seq_len: int
    dtype: DType
    devices: Sequence[DeviceRef]
    kv_params: KVCacheParams
    rms_norm_eps: float | None
    attention_multiplier: float
    rope_theta: float
    rope_scaling_params: RopeScaling | None = None
    interleaved_rope_weights: bool = False
    partial_rotary_factor: float = 1.0
    ropes: Mapping[str, RopeSettings] = field(default_factory=dict)
    layer_types: Sequence[str] = ()
    sliding_window: int | None = None
    attention_bias: bool = False
    attention_output_bias: bool = False
    mlp_bias: bool = False
    hidden_act: str = "silu"
    embedding_multiplier: float = 1.0
    residual_multiplier: float = 1.0
    logits_scaling: float = 1.0
    logits_soft_cap: float = 0.0
    tie_word_embeddings: bool = False
    return_logits: ReturnLogits = ReturnLogits.LAST_TOKEN
    return_hidden_states: ReturnHiddenStates = ReturnHiddenStates.NONE

    @classmethod
    def initialize(
        cls, pipeline_config: PipelineConfig, model_config: MAXModelConfig | None = None
    ) -> Self:
        """Reads config.json and the settings; see `ArchConfig.initialize`.

        Raises:
            ModelSourceError: for a value of config.json that the family does not compute.
        """
        model_config = model_config or pipeline_config.model
        if (fields := vars(cls).get("config_fields")) is not None:
            path = model_config.resolved_model_path / "config.json"
            fields.check(read_json(path), path)
        config: Self = call_tolerantly(
            cls.initialize_from_config,
            pipeline_config,
            model_config.huggingface_config,
            model_config,
        )
        return config

    @classmethod
    def initialize_from_config(
        cls,
        pipeline_config: PipelineConfig,
        huggingface_config: PretrainedConfig,
        model_config: MAXModelConfig | None = None,
    ) -> Self:
        """Reads a config.json that is already open.

        Args:
            pipeline_config: all settings.
            huggingface_config: config.json.
            model_config: which model's settings; `pipeline_config.model` unless given.

        Raises:
            ValueError: for a kind of rope scaling or an activation function that is not known, or a
                length above the limit.
        """
        model_config = model_config or pipeline_config.model
        hf = huggingface_config
        devices = [DeviceRef.from_device(d) for d in load_devices(model_config.device_specs)]
        rope = rope_parameters(hf)
        interleaved = cls.rope_is_interleaved or (
            cls.gguf_rope_is_interleaved and model_config.has_gguf_weights
        )
        attention_bias, attention_output_bias = cls.get_attention_biases(hf)
        usual = {
            "hidden_size": hf.hidden_size,
            "num_attention_heads": hf.num_attention_heads,
            "num_key_value_heads": cls.get_num_kv_heads(hf),
            "num_hidden_layers": cls.get_num_layers(hf),
            "intermediate_size": cls.get_intermediate_size(hf),
            "vocab_size": hf.vocab_size,
            "rope_theta": float(rope["rope_theta"]),
            "rope_scaling_params": rope_scaling(hf, cls.own_rope_parameters),
            "interleaved_rope_weights": interleaved,
            "partial_rotary_factor": float(rope.get("partial_rotary_factor") or 1.0),
            "ropes": {
                kind: _rope_settings(own, cls.get_head_dim(hf), interleaved, hf)
                for kind, own in rope_parameters_by_kind(hf).items()
            },
            "layer_types": cls.get_layer_types(hf),
            "sliding_window": getattr(hf, "sliding_window", None),
            "max_seq_len": cls.calculate_max_seq_len(pipeline_config, hf, model_config),
            "dtype": model_config.dtype,
            "devices": devices,
            "kv_params": cls.construct_kv_params(
                hf, pipeline_config, devices, model_config.kv_cache, model_config.cache_dtype
            ),
            "rms_norm_eps": cls.get_norm_eps(hf),
            "attention_bias": attention_bias,
            "attention_output_bias": attention_output_bias,
            "mlp_bias": bool(getattr(hf, "mlp_bias", False)),
            "hidden_act": activation_name(cls.get_hidden_act(hf)),
            "attention_multiplier": cls.calculate_attention_multiplier(hf),
            "tie_word_embeddings": bool(hf.tie_word_embeddings),
        }
        return cls(**{**usual, **cls.fields(hf)})

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """The fields of a family's own, and those that it computes otherwise."""
        return {}

    @classmethod
    def calculate_attention_multiplier(cls, huggingface_config: PretrainedConfig) -> float:
        """Factor of the attention scores: `1 / sqrt(head_dim)`."""
        return float(cls.get_head_dim(huggingface_config) ** -0.5)

    @staticmethod
    def get_norm_eps(huggingface_config: PretrainedConfig) -> float | None:
        """What keeps norms' roots away from zero: `rms_norm_eps`, if config.json has it."""
        eps: float | None = getattr(huggingface_config, "rms_norm_eps", None)
        return eps

    @staticmethod
    def get_intermediate_size(huggingface_config: PretrainedConfig) -> int:
        """Width inside the MLP: `intermediate_size`."""
        size: int = huggingface_config.intermediate_size
        return size

    @staticmethod
    def get_hidden_act(huggingface_config: PretrainedConfig) -> str:
        """The MLP's activation function: `hidden_act`."""
        name: str = huggingface_config.hidden_act
        return name

    @staticmethod
    def get_attention_biases(huggingface_config: PretrainedConfig) -> tuple[bool, bool]:
        """Whether q, k, v projections have biases, and the output projection.

        Hugging Face's `attention_bias` is about both; a GGUF file may have one without the other.
        """
        has_biases = bool(getattr(huggingface_config, "attention_bias", False))
        of_output = getattr(huggingface_config, "attention_output_bias", None)
        return has_biases, has_biases if of_output is None else bool(of_output)

    @staticmethod
    def get_layer_types(huggingface_config: PretrainedConfig) -> Sequence[str]:
        """The kind of each layer: `layer_types`, empty where config.json has none."""
        return tuple(getattr(huggingface_config, "layer_types", None) or ())

    def layer_kind(self, index: int) -> LayerKind:
        """How layer `index` attends.

        A family whose kinds of layers have angles of their own, or none, overrides it.

        Raises:
            ValueError: for a kind of layer that is not known, or a window without a size.
        """
        usual = SLIDING if self.sliding_window else FULL
        layer_type = self.layer_types[index] if self.layer_types else usual
        masks = {FULL: Mask(), SLIDING: Mask(window=self.sliding_window or 0)}
        if layer_type not in masks:
            raise ValueError(
                f"layer {index} is of the kind '{layer_type}' (layer_types), which is not "
                f"supported; known: {', '.join(masks)}"
            )
        if layer_type == SLIDING and not self.sliding_window:
            raise ValueError(f"layer {index} has a window, but there is no sliding_window")
        return LayerKind(self.ropes.get(layer_type, self.usual_rope()), masks[layer_type])

    def usual_rope(self) -> RopeSettings:
        """The angles of layers whose kind has none of its own."""
        rotary_dim = int(self.kv_params.head_dim * self.partial_rotary_factor)
        return RopeSettings(
            rotary_dim, self.rope_theta, self.interleaved_rope_weights, self.rope_scaling_params
        )

    def finalize(
        self,
        huggingface_config: PretrainedConfig,
        state_dict: Mapping[str, WeightData],
        return_logits: ReturnLogits = ReturnLogits.LAST_TOKEN,
        return_hidden_states: ReturnHiddenStates = ReturnHiddenStates.NONE,
    ) -> None:
        """Settles what depends on the weights.

        Args:
            huggingface_config: config.json.
            state_dict: the weights under our names.
            return_logits: which logits the graph gives.
            return_hidden_states: which hidden states it gives beside them.
        """
        # A head that config.json promises is then told as missing.
        self.tie_word_embeddings &= "lm_head.weight" not in state_dict
        self.return_logits = return_logits
        self.return_hidden_states = return_hidden_states


def rope_scaling(
    huggingface_config: PretrainedConfig, others: Collection[str] = ()
) -> RopeScaling | None:
    """The rope scaling of config.json, or of the table that GGUF files have instead.

    Args:
        huggingface_config: config.json.
        others: names of parameters that are not about the angles.

    Raises:
        ValueError: for a kind that is not known, or one that lacks a parameter.
    """
    if factors := getattr(huggingface_config, "rope_freq_factors", None):
        return RopeFactors(tuple(factors))
    positions = getattr(huggingface_config, "max_position_embeddings", 0)
    given = rope_parameters(huggingface_config)
    about_angles = {name: value for name, value in given.items() if name not in others}
    return rope_scaling_of(about_angles, positions)


def _rope_settings(
    parameters: Mapping[str, Any], head_dim: int, interleaved: bool, hf: PretrainedConfig
) -> RopeSettings:
    """The angles that one entry of `rope_parameters` gives."""
    rotary_dim = int(head_dim * float(parameters.get("partial_rotary_factor") or 1.0))
    scaling = rope_scaling_of(parameters, getattr(hf, "max_position_embeddings", 0))
    return RopeSettings(rotary_dim, float(parameters["rope_theta"]), interleaved, scaling)
