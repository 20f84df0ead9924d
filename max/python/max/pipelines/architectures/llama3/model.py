"""The Llama pipeline model: weights, graph, execution."""

from __future__ import annotations

from typing import Any, ClassVar

from max.engine import InferenceSession, Model
from max.graph import Graph
from max.graph.weights import WeightData
from max.nn import Module
from max.pipelines.architectures.llama3.llama3 import Llama3
from max.pipelines.architectures.llama3.model_config import Llama3Config
from max.pipelines.lib import (
    ModelInputs,
    ModelOutputs,
    PipelineModelWithKVCache,
    RaggedBatchProcessor,
    encode_weights,
    parse_state_dict_from_weights,
)
from max.pipelines.lib.interfaces import BatchProcessor


class Llama3Model(PipelineModelWithKVCache):
    """A Llama model. A variant sets the class attributes, or overrides a method."""

    model_config_cls: ClassVar[type[Any] | None] = Llama3Config
    batch_processor_cls: ClassVar[type[BatchProcessor] | None] = RaggedBatchProcessor
    # The decoder, called with the configuration.
    decoder_cls: ClassVar[type[Llama3]] = Llama3
    # Set to give the q, k, v projections biases (or not) whatever config.json says.
    attention_bias: ClassVar[bool | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.model = self.load_model(self.session)

    def load_model(self, session: InferenceSession) -> Model:
        """Reads the weights, builds the graph and compiles it.

        Raises:
            ValueError: naming every weight that is missing, unexpected or wrong.
        """
        state_dict = self._get_state_dict()
        decoder = self.make_decoder(state_dict)
        decoder.load_state_dict(state_dict)
        compiled = session.compile(self.build_graph(decoder))
        return session.init(compiled, weights_registry=state_dict)

    def make_decoder(self, state_dict: dict[str, WeightData]) -> Module:
        """The decoder for the configuration and the weights."""
        config = self._config_cls().initialize(self.pipeline_config)
        if self.attention_bias is not None:
            config.attention_bias = self.attention_bias
        config.finalize(
            huggingface_config=self.huggingface_config,
            state_dict=state_dict,
            return_logits=self.return_logits,
            return_hidden_states=self.return_hidden_states,
        )
        return self.decoder_cls(config)

    def build_graph(self, decoder: Module) -> Graph:
        """The graph over a ragged batch and the paged cache."""
        types = self._processor().get_symbolic_inputs(
            kv_params=self.kv_params, device_refs=self.device_refs
        )
        with Graph(self.huggingface_config.model_type, input_types=types) as graph:
            tokens, input_row_offsets, return_n_logits, *cache = graph.inputs
            kv_collections = self._unflatten_kv_inputs(cache)
            outputs = decoder(
                tokens.tensor, kv_collections[0], return_n_logits.tensor, input_row_offsets.tensor
            )
            graph.output(*outputs)
        return graph

    def execute(self, model_inputs: ModelInputs) -> ModelOutputs:
        """Runs the graph on one batch."""
        return self._processor().process_outputs(self.model.execute(*model_inputs.buffers))

    def _get_state_dict(self) -> dict[str, WeightData]:
        """The weights under our names, encoded or in the dtype that the model computes with."""
        state_dict = parse_state_dict_from_weights(self.pipeline_config, self.weights, self.adapter)
        return encode_weights(state_dict, self.pipeline_config.model)
