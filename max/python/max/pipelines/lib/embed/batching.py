"""Batch processors of models that give a vector for each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from max.driver import Buffer
from max.dtype import DType
from max.graph import DeviceRef, TensorType, TensorValue, Value
from max.nn import RaggedBatch
from max.nn.kv_cache import KVCacheInputs, KVCacheParamInterface
from max.pipelines.context import TextContext
from max.pipelines.lib.interfaces import ModelOutputs, RaggedBatchProcessor
from max.pipelines.lib.interfaces.batch_processor import RaggedModelInputs


class EmbedderBatchProcessor(RaggedBatchProcessor):
    """Of decoders whose rows are vectors: `logits` are those of all rows."""

    def process_outputs(self, outputs: Sequence[Buffer]) -> ModelOutputs:
        """Names the only output."""
        (rows,) = outputs
        return ModelOutputs(logits=rows)


@dataclass(kw_only=True)
class EncoderInputs(RaggedModelInputs):
    """Inputs of an encoder's graph: `positions` int64 [rows] come first."""

    positions: Buffer

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """positions, then those of `RaggedModelInputs`."""
        return (self.positions, *super().buffers)


class EncoderBatchProcessor(EmbedderBatchProcessor):
    """Of encoders, which embed positions; `config` is an `EncoderConfig`."""

    def get_symbolic_inputs(
        self, *, kv_params: KVCacheParamInterface, device_refs: Sequence[DeviceRef]
    ) -> list[TensorType]:
        """positions, then those of `RaggedBatchProcessor`."""
        ragged = super().get_symbolic_inputs(kv_params=kv_params, device_refs=device_refs)
        return [TensorType(DType.int64, ["total_seq_len"], device_refs[0]), *ragged]

    def unflatten(self, inputs: Sequence[Value]) -> tuple[RaggedBatch[TensorValue], list[Value]]:
        """The batch with its positions, and the cache's inputs."""
        positions, *ragged = inputs
        batch, cache = super().unflatten(ragged)
        return replace(batch, positions=positions.tensor), cache

    def prepare_initial_token_inputs(
        self,
        replica_batches: Sequence[Sequence[TextContext]],
        kv_cache_inputs: KVCacheInputs[Buffer] | None = None,
        return_n_logits: int | Sequence[int] = 1,
    ) -> EncoderInputs:
        """Packs the texts of the batch, each of which is whole."""
        ragged = super().prepare_initial_token_inputs(
            replica_batches, kv_cache_inputs, return_n_logits
        )
        (batch,) = replica_batches
        positions = np.concatenate([self._positions(ctx.tokens.active) for ctx in batch])
        return EncoderInputs(
            tokens=ragged.tokens,
            input_row_offsets=ragged.input_row_offsets,
            return_n_logits=ragged.return_n_logits,
            kv_cache_inputs=kv_cache_inputs,
            positions=Buffer.from_numpy(positions + self.config.first_position).to(
                self.runtime.devices[0]
            ),
        )

    def _positions(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """The place of each token of a text, from 0; before the first where none is counted."""
        if self.config.uncounted_token is None:
            return np.arange(len(tokens))
        is_counted = tokens != self.config.uncounted_token
        return np.where(is_counted, is_counted.cumsum() - 1, -1)
