"""The pipeline model of decoders: weights, graph, execution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from max.driver import Buffer
from max.dtype import DType
from max.engine import InferenceSession, Model
from max.graph import BufferType, DeviceRef, Graph, TensorType, TensorValue
from max.graph.weights import WeightData, Weights, WeightsAdapter
from max.nn import Attention, Module, RaggedBatch
from max.nn.kv_cache import (
    KVCacheInputs,
    KVCacheParamInterface,
    KVCacheParams,
    PagedCacheValues,
)
from max.nn.lora import LayerSlots, RowSlots, adapt_layers
from max.nn.transformer import run_decoder
from max.pipelines.config import KVCacheConfig, PipelineConfig
from max.pipelines.context import TextContext
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
from max.pipelines.lora.modules_to_save import check_modules_to_save, modules_to_save

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
    # Whether the head is asked for logits; else a checkpoint needs none.
    gives_logits: ClassVar[bool] = True
    # Whether a weight that no layer takes is an error.
    _strict_state_dict_loading: ClassVar[bool] = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # By our names, from `_build_graph` until the model has them.
        self.state_dict: Mapping[str, Any] = {}
        # With --enable-lora, by the layers' paths: what holds their adapters, and the head_dim of
        # those whose rows a GGUF file has in another order; by the weights' names, whose they are.
        self.adapter_slots: dict[str, LayerSlots] = {}
        self.interleaved_rows: dict[str, int] = {}
        self.shared_weights: dict[str, str] = {}
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
        if not self.gives_logits:
            config.tie_word_embeddings = "lm_head.weight" not in state_dict
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
        """The graph over a ragged batch and the paged cache, and the rows' slots of adapters."""
        takes_adapters = self.pipeline_config.lora.enable_lora
        inputs = self.graph_inputs()
        if takes_adapters:
            inputs.append(TensorType(DType.int32, ["total_seq_len", 1], self.device_refs[0]))
        with Graph(self.huggingface_config.model_type, input_types=inputs) as graph:
            values = graph.inputs[: len(graph.inputs) - takes_adapters]
            batch, flat = self._processor().unflatten(values)
            (cache,) = self._unflatten_kv_inputs(flat)
            if takes_adapters:
                rows = RowSlots(graph.inputs[-1].tensor)
                batch = replace(batch, adapters=rows)
                outputs = self._run_adapted(decoder, batch, cache, rows)
            else:
                outputs = run_decoder(decoder, batch, cache)
            graph.output(*outputs)
        return graph

    def _run_adapted(
        self, decoder: Module, batch: RaggedBatch[Any], cache: PagedCacheValues, rows: RowSlots
    ) -> tuple[TensorValue, ...]:
        """`run_decoder` of layers that take adapters."""
        lora = self.pipeline_config.lora
        layers = adapt_layers(
            decoder, rows, lora.max_num_loras, lora.max_lora_rank, self.dtype, modules_to_save(lora)
        )
        outputs = run_decoder(decoder, batch, cache)
        self.adapter_slots = {p: each.slots for p, each in layers.items() if each.are_applied}
        check_modules_to_save(lora, self.adapter_slots)
        from_gguf = self.pipeline_config.model.has_gguf_weights
        is_interleaved = from_gguf and self._config_cls().gguf_rope_is_interleaved
        for path, layer in decoder.named_modules():
            for name, weight in layer.layer_weights.items():
                self.shared_weights[f"{path}.{name}"] = weight.name
            if is_interleaved and isinstance(layer, Attention):
                queries_and_keys = (f"{path}.q_proj", f"{path}.k_proj")
                self.interleaved_rows |= dict.fromkeys(queries_and_keys, layer.head_dim)
        return outputs

    def prepare_initial_token_inputs(
        self,
        replica_batches: Sequence[Sequence[TextContext]],
        kv_cache_inputs: KVCacheInputs[Buffer] | None = None,
        return_n_logits: int | Sequence[int] = 1,
    ) -> ModelInputs:
        """The graph's inputs for the active tokens of a batch."""
        inputs = super().prepare_initial_token_inputs(
            replica_batches, kv_cache_inputs, return_n_logits
        )
        if self.pipeline_config.lora.enable_lora:
            (batch,) = replica_batches
            slots = np.array([ctx.adapter_slot for ctx in batch], np.int32)
            rows = np.repeat(slots, [ctx.tokens.active_length for ctx in batch])[:, None]
            inputs.lora = Buffer.from_numpy(rows).to(self.devices[0])
        return inputs

    def execute(self, model_inputs: ModelInputs) -> ModelOutputs:
        """Runs the graph on one batch."""
        return self._processor().process_outputs(self.model.execute(*model_inputs.all_buffers))
