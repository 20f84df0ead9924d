"""Decoders whose feed-forward layers are mixtures of experts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from max.nn import MLP, Module
from max.nn.moe import Experts, MoE, Routing
from max.pipelines.lib.decoder import Decoder
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(frozen=True)
class ExpertSettings:
    """The experts of a decoder's layers.

    Args:
        count: experts of a layer.
        width: inside an expert.
        routing: how a token's are chosen.
        dense_layers: the layers that have an MLP instead.
        shared_width: inside the expert of all tokens; 0 for none.
        gates_shared: whether each token has a factor of its own for that one.
        activation: see `max.kernels.experts`.
        limit: of gate and up, see there.
        has_bias: whether the experts' matrices have biases.
        has_router_bias: whether the router has one.
        has_correction: whether scores have a bias for the choice alone.
        has_precise_router: whether the router computes in float32 whatever the model does.
        scales_input: whether weights multiply what experts read, instead of what they give.
    """

    count: int
    width: int
    routing: Routing
    dense_layers: Collection[int] = field(default_factory=frozenset)
    shared_width: int = 0
    gates_shared: bool = False
    activation: str = "silu"
    limit: float = 0.0
    has_bias: bool = False
    has_router_bias: bool = False
    has_correction: bool = False
    has_precise_router: bool = False
    scales_input: bool = False


# `PipelineModel.precise_weights` of models whose routers are precise.
PRECISE_ROUTERS = (".router.weight", ".correction")


@dataclass(kw_only=True)
class ExpertsConfig(DecoderConfig):
    """A decoder's configuration with experts.

    Args:
        experts: of all layers; read by `fields`.
    """

    experts: ExpertSettings | None = None

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`."""
        hf = huggingface_config
        return {**super().fields(hf), "experts": cls.get_experts(hf)}

    @classmethod
    @abstractmethod
    def get_experts(cls, huggingface_config: PretrainedConfig) -> ExpertSettings:
        """The experts that config.json describes."""


Config = TypeVar("Config", bound=ExpertsConfig)


class ExpertDecoder(Decoder[Config]):
    """A decoder with experts; stands before a family's decoder among the bases of a class."""

    def make_mlp(self, config: Config, index: int) -> Module:
        """Experts, or in some layers an MLP; see `Decoder.make_mlp`."""
        settings = config.experts
        assert settings is not None
        if index in settings.dense_layers:
            return super().make_mlp(config, index)
        device = config.devices[0]
        return MoE(
            config.hidden_size,
            Experts(
                settings.count,
                config.hidden_size,
                settings.width,
                config.dtype,
                device,
                settings.activation,
                settings.has_bias,
                settings.limit,
                settings.scales_input,
            ),
            settings.routing,
            config.dtype,
            device,
            has_router_bias=settings.has_router_bias,
            has_correction=settings.has_correction,
            has_precise_router=settings.has_precise_router,
            shared_expert=self._shared_expert(config, settings.shared_width),
            gates_shared=settings.gates_shared,
        )

    def _shared_expert(self, config: Config, width: int) -> Module | None:
        if not width:
            return None
        return MLP(
            config.dtype,
            None,
            config.hidden_size,
            width,
            config.devices,
            activation_function=config.hidden_act,
        )
