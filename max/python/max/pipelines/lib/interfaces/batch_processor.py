"""Batch processors: from a batch of requests to a graph's inputs, and from its outputs back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from max.driver import Buffer, Device
from max.dtype import DType
from max.graph import DeviceRef, TensorType, TensorValue, Value
from max.nn import RaggedBatch
from max.nn.kv_cache import KVCacheInputs, KVCacheParamInterface
from max.nn.transformer import ReturnHiddenStates, ReturnLogits
from max.pipelines.config import PipelineConfig
from max.pipelines.context import TextContext
from max.pipelines.lib.interfaces.model_io import DecodeChanges, ModelInputs, ModelOutputs


@dataclass(frozen=True)
class BatchProcessorRuntime:
    """What a batch processor knows of the pipeline that it works for.

    Args:
        pipeline_config: all settings.
        devices: where the model runs.
        return_logits: which logits the graph gives.
        return_hidden_states: which hidden states it gives beside them.
    """

    pipeline_config: PipelineConfig
    devices: Sequence[Device]
    return_logits: ReturnLogits
    return_hidden_states: ReturnHiddenStates = ReturnHiddenStates.NONE


class BatchProcessor(ABC):
    """Packs batches and unpacks outputs for one kind of graph.

    Args:
        config: the architecture's configuration.
        runtime: the pipeline.
    """

    def __init__(self, config: Any, runtime: BatchProcessorRuntime) -> None:
        self.config = config
        self.runtime = runtime

    @abstractmethod
    def get_symbolic_inputs(
        self, *, kv_params: KVCacheParamInterface, device_refs: Sequence[DeviceRef]
    ) -> list[TensorType]:
        """The types of the graph's inputs, in order."""

    def unflatten(self, inputs: Sequence[Value]) -> tuple[RaggedBatch[TensorValue], list[Value]]:
        """The batch in the graph's inputs, and the cache's inputs; in their documented order.

        A processor with further inputs appends them, and hands them over in the batch.
        """
        tokens, input_row_offsets, return_n_logits, *cache = inputs
        return RaggedBatch(tokens.tensor, input_row_offsets.tensor, return_n_logits.tensor), cache

    @abstractmethod
    def prepare_initial_token_inputs(
        self,
        replica_batches: Sequence[Sequence[TextContext]],
        kv_cache_inputs: KVCacheInputs[Buffer] | None = None,
        return_n_logits: int | Sequence[int] = 1,
    ) -> ModelInputs:
        """The graph's inputs for the active tokens of a batch.

        Args:
            replica_batches: the requests; one batch in this release.
            kv_cache_inputs: the cache's tensors for them.
            return_n_logits: how many of each request's last rows get logits, under VARIABLE; a
                sequence gives each request its own number.
        """

    @abstractmethod
    def process_outputs(self, outputs: Sequence[Buffer]) -> ModelOutputs:
        """Names the graph's outputs."""


@dataclass(kw_only=True)
class RaggedModelInputs(ModelInputs):
    """Inputs of a graph over ragged batches.

    Args:
        tokens: int64 [rows], the active tokens of all requests without padding.
        input_row_offsets: uint32 [batch + 1], each request's rows.
        return_n_logits: int64 [1] or [batch] on the host.
    """

    tokens: Buffer
    input_row_offsets: Buffer
    return_n_logits: Buffer

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """tokens, input_row_offsets, return_n_logits, then the cache's tensors."""
        cache = self.kv_cache_inputs.flatten() if self.kv_cache_inputs else []
        return (self.tokens, self.input_row_offsets, self.return_n_logits, *cache)

    @property
    def decode_changes(self) -> DecodeChanges | None:
        """The tokens, and the lengths of what is cached; None of a subclass, which may add inputs,
        unless it says so itself."""
        caches = [] if self.kv_cache_inputs is None else self.kv_cache_inputs.inputs
        lengths = [x for each in caches for x in (each.cache_lengths, each.max_cache_length)]
        may_add = type(self) is not RaggedModelInputs or self.hidden_states is not None
        if may_add or not all(x.tensor.is_cpu for x in (self.tokens, *lengths)):
            return None
        return DecodeChanges(self.tokens.to_numpy(), [length.to_numpy() for length in lengths])


class RaggedBatchProcessor(BatchProcessor):
    """The batch processor of decoders whose graphs take ragged tokens and a paged cache."""

    def get_symbolic_inputs(
        self, *, kv_params: KVCacheParamInterface, device_refs: Sequence[DeviceRef]
    ) -> list[TensorType]:
        """tokens, input_row_offsets, return_n_logits, then the cache's tensors."""
        return ragged_kv_symbolic_inputs(kv_params=kv_params, device_refs=device_refs)

    def prepare_initial_token_inputs(
        self,
        replica_batches: Sequence[Sequence[TextContext]],
        kv_cache_inputs: KVCacheInputs[Buffer] | None = None,
        return_n_logits: int | Sequence[int] = 1,
    ) -> RaggedModelInputs:
        """Packs the active tokens of the batch."""
        (batch,) = replica_batches
        device = self.runtime.devices[0]
        lengths = (ctx.tokens.active_length for ctx in batch)
        offsets = np.fromiter(accumulate(lengths, initial=0), np.uint32, len(batch) + 1)
        tokens = np.concatenate([ctx.tokens.active for ctx in batch])
        return RaggedModelInputs(
            tokens=Buffer.from_numpy(tokens).to(device),
            input_row_offsets=Buffer.from_numpy(offsets).to(device),
            return_n_logits=Buffer.from_numpy(np.array(return_n_logits, np.int64, ndmin=1)),
            kv_cache_inputs=kv_cache_inputs,
        )

    def process_outputs(self, outputs: Sequence[Buffer]) -> ModelOutputs:
        """Names the outputs that `logits_postprocess` gives."""
        return process_ragged_kv_outputs(
            outputs,
            return_logits=self.runtime.return_logits,
            return_hidden_states=self.runtime.return_hidden_states,
        )


@dataclass(kw_only=True)
class PositionedModelInputs(RaggedModelInputs):
    """Inputs of a graph that also reads each token's place in its request.

    Args:
        positions: int64 [rows].
    """

    positions: Buffer

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """Those of `RaggedModelInputs`, then positions."""
        return (*super().buffers, self.positions)


class PositionedBatchProcessor(RaggedBatchProcessor):
    """`RaggedBatchProcessor` of models that read `RaggedBatch.positions` (GPT-2)."""

    def get_symbolic_inputs(
        self, *, kv_params: KVCacheParamInterface, device_refs: Sequence[DeviceRef]
    ) -> list[TensorType]:
        """Those of `RaggedBatchProcessor`, then positions."""
        usual = super().get_symbolic_inputs(kv_params=kv_params, device_refs=device_refs)
        return [*usual, TensorType(DType.int64, ["total_seq_len"], device_refs[0])]

    def unflatten(self, inputs: Sequence[Value]) -> tuple[RaggedBatch[TensorValue], list[Value]]:
        """See `BatchProcessor.unflatten`."""
        *usual, positions = inputs
        batch, cache = super().unflatten(usual)
        return replace(batch, positions=positions.tensor), cache

    def prepare_initial_token_inputs(
        self,
        replica_batches: Sequence[Sequence[TextContext]],
        kv_cache_inputs: KVCacheInputs[Buffer] | None = None,
        return_n_logits: int | Sequence[int] = 1,
    ) -> PositionedModelInputs:
        """Packs the active tokens of the batch, and their places."""
        usual = super().prepare_initial_token_inputs(
            replica_batches, kv_cache_inputs, return_n_logits
        )
        places = np.concatenate([self.positions(ctx) for ctx in replica_batches[0]])
        positions = Buffer.from_numpy(places).to(self.runtime.devices[0])
        return PositionedModelInputs(**vars(usual), positions=positions)

    def positions(self, ctx: TextContext) -> NDArray[np.int64]:
        """The places of a request's active tokens."""
        return ctx.tokens.processed_length + np.arange(ctx.tokens.active_length)


def ragged_kv_symbolic_inputs(
    *, kv_params: KVCacheParamInterface, device_refs: Sequence[DeviceRef]
) -> list[TensorType]:
    """The input types of a graph over ragged tokens and a paged cache, in order."""
    device = device_refs[0]
    return [
        TensorType(DType.int64, ["total_seq_len"], device),
        TensorType(DType.uint32, ["input_row_offsets_len"], device),
        TensorType(DType.int64, ["return_n_logits"], DeviceRef.CPU()),
        *kv_params.get_symbolic_inputs().flatten(),
    ]


def process_ragged_kv_outputs(
    outputs: Sequence[Buffer],
    *,
    return_logits: ReturnLogits,
    return_hidden_states: ReturnHiddenStates,
) -> ModelOutputs:
    """Names the outputs that `logits_postprocess` gives in that order."""
    wants_hidden = return_hidden_states is not ReturnHiddenStates.NONE
    hidden_states = outputs[-1] if wants_hidden else None
    if return_logits is ReturnLogits.LAST_TOKEN:
        return ModelOutputs(
            logits=outputs[0], next_token_logits=outputs[0], hidden_states=hidden_states
        )
    return ModelOutputs(
        logits=outputs[1],
        next_token_logits=outputs[0],
        logit_offsets=outputs[2],
        hidden_states=hidden_states,
    )
