"""A pipeline model as adapters are fitted to it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

import torch

from max.dtype import DType
from max.graph import Shape
from max.graph.quantization import dequantize_rows
from max.graph.weights import WeightData, load_weights, weights_format
from max.graph.weights.format import WeightsFormat
from max.nn.lora import LayerSlots
from max.pipelines.config import PipelineConfig
from max.pipelines.lib.decoder_model import DecoderModel
from max.pipelines.lib.supported_architecture import SupportedArchitecture
from max.pipelines.lib.utils import parse_state_dict_from_weights
from max.pipelines.modeling.errors import ConfigurationError
from max.pipelines.modeling.types import PipelineTask


class AdaptedModel:
    """A decoder model that takes adapters.

    What a checkpoint's weights are in the model, its weight adapter knows; so the rows that an
    adapter adds to those of a weight go the same way. See `max.pipelines.lora.AdaptableModel`.

    Args:
        architecture: of the model.
        config: all settings.
        model: whose graph has slots.

    Raises:
        ConfigurationError: if no layer of the model takes adapters.
    """

    def __init__(
        self, architecture: SupportedArchitecture, config: PipelineConfig, model: object
    ) -> None:
        generates = architecture.task is PipelineTask.TEXT_GENERATION
        if not generates or not isinstance(model, DecoderModel) or not model.adapter_slots:
            raise ConfigurationError(
                f"LoRA is not currently supported for architecture '{architecture.name}' "
                f"({architecture.task}): no layer of {type(model).__name__} takes adapters. Start "
                "without --enable-lora"
            )
        self._architecture = architecture
        self._config = config
        self._model = model

    @property
    def adapter_slots(self) -> Mapping[str, LayerSlots]:
        """The layers that take adapters, by path."""
        return self._model.adapter_slots

    @property
    def slots_bytes(self) -> int:
        """What the slots take when all are full."""
        return sum(layer.nbytes for layer in self.adapter_slots.values())

    def in_model_order(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """See `AdaptableModel`."""
        places: Any = {name: _Place(name, tensor) for name, tensor in tensors.items()}
        adapter = self._architecture.weight_adapters.get(WeightsFormat.safetensors)
        found = parse_state_dict_from_weights(self._config, places, adapter)
        parts = {name: data.to_buffer().tensor for name, data in found.items()}
        return {name: self._in_file_order(name, part) for name, part in parts.items()}

    def stored_elements(self, name: str) -> torch.Tensor | None:
        """See `AdaptableModel`; that of the owner for a weight that is shared."""
        data = self._stored.get(self._model.shared_weights.get(name, name))
        if data is None or (data.quantization_encoding is None and not _is_whole(data)):
            return None
        elements = data.to_buffer().tensor
        if data.quantization_encoding is None:
            return elements.float()
        return dequantize_rows(elements, data.quantization_encoding).float()

    def is_exact(self, name: str) -> bool:
        """See `AdaptableModel`."""
        data = self._stored.get(self._model.shared_weights.get(name, name))
        return data is not None and data.quantization_encoding is None

    def _in_file_order(self, name: str, rows: torch.Tensor) -> torch.Tensor:
        """Rows of queries and keys as GGUF files have them, for a model that is read of one."""
        head_dim = self._model.interleaved_rows.get(name.rpartition(".")[0])
        if head_dim is None:
            return rows
        halves: torch.Tensor = rows.unflatten(0, (rows.shape[0] // head_dim, 2, head_dim // 2))
        return halves.transpose(1, 2).reshape(rows.shape)

    @cached_property
    def _stored(self) -> Mapping[str, WeightData]:
        paths = self._config.model.resolved_weight_paths
        adapter = self._architecture.weight_adapters.get(weights_format(paths))
        return parse_state_dict_from_weights(self._config, load_weights(paths), adapter)


class _Place(NamedTuple):
    """A tensor as a weight adapter gets those of a checkpoint."""

    name: str
    tensor: torch.Tensor

    def data(self) -> WeightData:
        """See `Weights.data`."""
        dtype = DType.from_torch(self.tensor.dtype)
        return WeightData(self.tensor, self.name, dtype, Shape(self.tensor.shape))


def _is_whole(data: WeightData) -> bool:
    """Whether its elements are the weight: not small floats that factors belong to."""
    return data.dtype in (DType.float32, DType.bfloat16, DType.float16)
