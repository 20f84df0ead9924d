"""The pipeline model of decoders: weights, graph, execution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from max.dtype import DType
from max.engine import InferenceSession, Model
from max.graph import BufferType, DeviceRef, Graph, TensorType
from max.graph.weights import WeightData, Weights, WeightsAdapter
from max.nn import Module
from max.nn.kv_cache import KVCacheParamInterface, KVCacheParams
from max.nn.transformer import run_decoder
from max.pipelines.config import KVCacheConfig, PipelineConfig
from max.pipelines.lib.call_tolerantly import call_tolerantly
from max.pipelines.lib.decoder import Decoder
from max.pipelines.lib.decoder_config import DecoderConfig
from max.pipelines.lib.interfaces import (
    BatchProcessor,
    ModelInputs,
    ModelOutputs,
    PipelineModelWithKVCache,
    RaggedBatchProcessor,
)
from max.pipelines.lib.utils import parse_state_dict_from_weights
from max.pipelines.lib.weight_encoding import encode_weights

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class DecoderModel(PipelineModelWithKVCache):
    """A decoder over ragged batches and a paged cache.

    A family sets the class attributes, or overrides a method.
    """

    model_config_cls: ClassVar[type[Any] | None] = DecoderConfig
    batch_processor_cls: ClassVar[type[BatchProcessor] | None] = RaggedBatchProcessor
    # The decoder, called with the configuration.
    decoder_cls: ClassVar[type[Any]] = Decoder
    # Whether a weight that no layer takes is an error.
    _strict_state_dict_loading: ClassVar[bool] = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # By our names, from `_build_graph` until the model has them.
        self.state_dict: Mapping[str, Any] = {}
        self.model = self.load_model(self.session)

    @classmethod
    def get_kv_params(
        cls,
        huggingface_config: PretrainedConfig,
        pipeline_config: PipelineConfig,
        devices: Sequence[DeviceRef],
        kv_cache_config: KVCacheConfig,
        cache_dtype: DType,
    ) -> KVCacheParamInterface:
        """Sizes of the cache, in which windowed layers keep their windows only, if the family says
        so (`DecoderConfig.drops_old_pages`)."""
        params = super().get_kv_params(
            huggingface_config, pipeline_config, devices, kv_cache_config, cache_dtype
        )
        config_cls = cls._config_cls()
        if not getattr(config_cls, "drops_old_pages", False):
            return params
        assert isinstance(params, KVCacheParams)
        config = config_cls.initialize(pipeline_config)
        layers = range(config.num_hidden_layers)
        return params.with_windows([config.layer_kind(index).mask.reach for index in layers])

    def load_model(self, session: InferenceSession) -> Model:
        """Reads the weights, builds the graph and compiles it.

        Raises:
            ValueError: naming every weight that is missing, unexpected or wrong.
        """
        graph = call_tolerantly(self._build_graph, self.weights, self.adapter, session)
        state_dict, self.state_dict = self.state_dict, {}
        return session.init(session.compile(graph), weights_registry=state_dict)

    def _build_graph(
        self, weights: Weights, adapter: WeightsAdapter | None = None, session: object = None
    ) -> Graph:
        """The graph; sets `state_dict` to the weights that it takes."""
        state_dict = call_tolerantly(self._get_state_dict, weights, adapter)
        decoder = self.make_decoder(state_dict)
        decoder.load_state_dict(state_dict, strict=self._strict_state_dict_loading)
        self.state_dict = state_dict
        return self.build_graph(decoder)

    def _get_state_dict(
        self, weights: Weights, adapter: WeightsAdapter | None = None
    ) -> dict[str, WeightData]:
        """The weights under our names, encoded or in the dtype that the model computes with."""
        state_dict = parse_state_dict_from_weights(self.pipeline_config, weights, adapter)
        return encode_weights(
            state_dict, self.pipeline_config.model, self.sensitive_layers, self.precise_weights
        )

    def make_decoder(self, state_dict: dict[str, WeightData]) -> Module:
        """The decoder for the configuration and the weights."""
        config = self._config_cls().initialize(self.pipeline_config)
        call_tolerantly(
            config.finalize,
            huggingface_config=self.huggingface_config,
            state_dict=state_dict,
            return_logits=self.return_logits,
            return_hidden_states=self.return_hidden_states,
            **self.finalize_arguments(),
        )
        decoder: Module = self.decoder_cls(config)
        return decoder

    def finalize_arguments(self) -> dict[str, Any]:
        """Further arguments of the configuration's `finalize`."""
        return {}

    def graph_inputs(self) -> list[TensorType | BufferType]:
        """The types of the graph's inputs, in order."""
        return list(
            self._processor().get_symbolic_inputs(
                kv_params=self.kv_params, device_refs=self.device_refs
            )
        )

    def build_graph(self, decoder: Module) -> Graph:
        """The graph over a ragged batch and the paged cache."""
        with Graph(self.huggingface_config.model_type, input_types=self.graph_inputs()) as graph:
            batch, flat = self._processor().unflatten(graph.inputs)
            (cache,) = self._unflatten_kv_inputs(flat)
            graph.output(*run_decoder(decoder, batch, cache))
        return graph

    def execute(self, model_inputs: ModelInputs) -> ModelOutputs:
        """Runs the graph on one batch."""
        return self._processor().process_outputs(self.model.execute(*model_inputs.buffers))
