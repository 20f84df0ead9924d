"""Pipeline models: what builds, compiles and runs an architecture's graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from max.driver import Buffer, Device
from max.dtype import DType
from max.engine import InferenceSession
from max.graph import DeviceRef, Value
from max.graph.weights import Weights, WeightsAdapter
from max.nn.kv_cache import KVCacheInputs, KVCacheParamInterface, PagedCacheValues
from max.nn.transformer import ReturnHiddenStates, ReturnLogits
from max.pipelines.config import KVCacheConfig, PipelineConfig
from max.pipelines.context import LogProbabilities, TextContext
from max.pipelines.lib.interfaces.batch_processor import BatchProcessor, BatchProcessorRuntime
from max.pipelines.lib.interfaces.model_io import ModelInputs, ModelOutputs
from max.pipelines.lib.log_probabilities import compute_log_probabilities
from max.pipelines.lib.quantization_recipe import SENSITIVE_LAYERS

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class PipelineModel(ABC):
    """An architecture's model, from weights to logits. It holds no state of any request.

    Args:
        pipeline_config: all settings.
        session: compiles and runs the graph.
        devices: where the model runs.
        kv_cache_config: settings of the cache.
        weights: the checkpoint.
        adapter: gives the checkpoint's weights the model's names.
        return_logits: which logits the graph gives.
        return_hidden_states: which hidden states it gives beside them.
    """

    # The configuration class and the batch processor; an architecture's registration (`config`,
    # `batching`) comes before them.
    model_config_cls: ClassVar[type[Any] | None] = None
    batch_processor_cls: ClassVar[type[BatchProcessor] | None] = None
    # The layers, by their names in a block, whose weights lose most when they are quantized.
    sensitive_layers: ClassVar[Collection[str]] = SENSITIVE_LAYERS
    # Ends of the names of weights that are float32 whatever the model computes with.
    precise_weights: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        pipeline_config: PipelineConfig,
        session: InferenceSession,
        devices: Sequence[Device],
        kv_cache_config: KVCacheConfig,
        weights: Weights,
        adapter: WeightsAdapter | None = None,
        return_logits: ReturnLogits = ReturnLogits.LAST_TOKEN,
        return_hidden_states: ReturnHiddenStates = ReturnHiddenStates.NONE,
    ) -> None:
        self.pipeline_config = pipeline_config
        self.session = session
        self.devices = list(devices)
        self.device_refs = [DeviceRef.from_device(d) for d in devices]
        self.kv_cache_config = kv_cache_config
        self.weights = weights
        self.adapter = adapter
        self.return_logits = return_logits
        self.return_hidden_states = return_hidden_states
        self.huggingface_config: PretrainedConfig = pipeline_config.model.huggingface_config
        self.dtype: DType = pipeline_config.model.dtype
        self.max_seq_len = self.calculate_max_seq_len(pipeline_config, self.huggingface_config)
        self.batch_processor = self._make_batch_processor()

    @abstractmethod
    def execute(self, model_inputs: ModelInputs) -> ModelOutputs:
        """Runs the graph on one batch."""

    @classmethod
    def calculate_max_seq_len(
        cls, pipeline_config: PipelineConfig, huggingface_config: PretrainedConfig
    ) -> int:
        """Most tokens of a request; asks `model_config_cls` unless overridden."""
        length: int = cls._config_cls().calculate_max_seq_len(pipeline_config, huggingface_config)
        return length

    def prepare_initial_token_inputs(
        self,
        replica_batches: Sequence[Sequence[TextContext]],
        kv_cache_inputs: KVCacheInputs[Buffer] | None = None,
        return_n_logits: int | Sequence[int] = 1,
    ) -> ModelInputs:
        """The graph's inputs for the active tokens of a batch; asks the batch processor."""
        return self._processor().prepare_initial_token_inputs(
            replica_batches, kv_cache_inputs, return_n_logits
        )

    def compute_log_probabilities(
        self,
        session: InferenceSession,
        model_inputs: ModelInputs,
        model_outputs: ModelOutputs,
        next_tokens: Buffer,
        batch_top_n: Sequence[int | None],
        batch_echo: Sequence[bool],
    ) -> Sequence[LogProbabilities | None]:
        """The log probabilities of the tokens that follow a step's rows of logits.

        Args:
            session: where further graphs could run; the sampler's code does not need it.
            model_inputs: of the step. For requests with echo they have the fields `tokens` and
                `input_row_offsets` of `RaggedModelInputs`.
            model_outputs: what `execute` gave for them.
            next_tokens: int64 [batch], the token that follows each request's last row, where the
                logits are.
            batch_top_n: for each request, how many of the best tokens to give beside each token's
                own; None for a request that wants nothing.
            batch_echo: for each request, whether all of its rows of logits are wanted, instead of
                the last one.

        Returns:
            For each request that wants any, one entry per row wanted. Its entries may wait for the
            device when they are read.
        """
        return compute_log_probabilities(
            model_inputs, model_outputs, next_tokens, batch_top_n, batch_echo
        )

    @classmethod
    def _config_cls(cls) -> type[Any]:
        if cls.model_config_cls is None:
            raise TypeError(
                f"{cls.__name__} has no model_config_cls: give `config=` to its "
                "SupportedArchitecture, or override the method that needs it"
            )
        return cls.model_config_cls

    def _make_batch_processor(self) -> BatchProcessor | None:
        if self.batch_processor_cls is None:
            return None
        runtime = BatchProcessorRuntime(
            self.pipeline_config, self.devices, self.return_logits, self.return_hidden_states
        )
        return self.batch_processor_cls(self.model_config_cls, runtime)

    def _processor(self) -> BatchProcessor:
        if self.batch_processor is None:
            raise TypeError(
                f"{type(self).__name__} has no batch processor: give `batching=` to its "
                "SupportedArchitecture, or override prepare_initial_token_inputs"
            )
        return self.batch_processor


class PipelineModelWithKVCache(PipelineModel):
    """A pipeline model whose graph reads and writes a paged KV cache."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kv_params: KVCacheParamInterface = self.get_kv_params(
            self.huggingface_config,
            self.pipeline_config,
            self.device_refs,
            self.kv_cache_config,
            self.pipeline_config.model.cache_dtype,
        )

    @classmethod
    def get_kv_params(
        cls,
        huggingface_config: PretrainedConfig,
        pipeline_config: PipelineConfig,
        devices: Sequence[DeviceRef],
        kv_cache_config: KVCacheConfig,
        cache_dtype: DType,
    ) -> KVCacheParamInterface:
        """Sizes of the cache; asks `model_config_cls` unless overridden."""
        params: KVCacheParamInterface = cls._config_cls().construct_kv_params(
            huggingface_config, pipeline_config, devices, kv_cache_config, cache_dtype
        )
        return params

    @classmethod
    def estimate_activation_memory(
        cls, pipeline_config: PipelineConfig, huggingface_config: PretrainedConfig
    ) -> int:
        """Bytes that a step allocates at its peak, beside weights and cache.

        Asked of a model that does not keep its graph as `self.model`, and of one that overrides it:
        else the graph tells it (see `max.pipelines.lib.activation_memory`). Counted for a decoder:
        the rows of a full batch through the widest layer, in float32 for safety, and the logits of
        one row per request twice (raw, and as the sampler sees them).
        """
        config = huggingface_config
        rows = pipeline_config.runtime.step_tokens
        hidden: int = config.hidden_size
        intermediate: int = getattr(config, "intermediate_size", 4 * hidden)
        width = 6 * hidden + 3 * intermediate
        requests = pipeline_config.runtime.max_batch_size or 1
        logits = 2 * requests + (rows if pipeline_config.model.enable_echo else 0)
        return 4 * (rows * width + logits * int(config.vocab_size))

    def _unflatten_kv_inputs(self, flat: Sequence[Value]) -> list[PagedCacheValues]:
        """The graph's cache inputs, per device."""
        return self.kv_params.get_symbolic_inputs().unflatten(flat)
