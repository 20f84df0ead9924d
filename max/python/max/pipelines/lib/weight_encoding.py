"""A checkpoint's weights in the form that the model computes with."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping
from functools import cache, partial
from math import prod
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import torch

from max.dtype import DType
from max.graph import Shape
from max.graph.quantization import QuantizationEncoding
from max.graph.weights import WeightData
from max.graph.weights.mapped_file import empty_on_pages
from max.kernels.quantize_rows import quantize_rows
from max.nn.linear.schemes import stored_in_schemes
from max.pipelines.config import MAXModelConfig
from max.pipelines.lib.quantization_recipe import (
    SENSITIVE_LAYERS,
    encoding_of_weight,
    is_multiplied,
    num_layers,
)

if TYPE_CHECKING:
    from tqdm import tqdm

logger = logging.getLogger("max.pipelines")


class QuantizedWeight(NamedTuple):
    """A matrix that is quantized while it loads; its shape is in elements."""

    shape: tuple[int, ...]
    encoding: QuantizationEncoding

    @property
    def num_bytes(self) -> int:
        """What it takes when it is quantized."""
        *rows, last = self.shape
        return prod(rows) * self.encoding.row_bytes(last)


def encode_weights(
    state_dict: Mapping[str, WeightData],
    model_config: MAXModelConfig,
    sensitive: Collection[str] = SENSITIVE_LAYERS,
    precise: tuple[str, ...] = (),
) -> dict[str, WeightData]:
    """The weights encoded as the configuration asks, the others in the dtype of the computation.

    Encoded weights stay as they are, mapped from their file, and so do the tensors of matrices that
    are stored as several (`max.nn.linear.schemes`). Plain ones are cast, but for matrices
    of half precision in a quantized or float16 model, which layers decode as they read them. A
    checkpoint without encoded weights is quantized when blocks are asked for, with a progress bar.

    Args:
        state_dict: weights by our names.
        model_config: its encoding is resolved.
        sensitive: the layers whose weights lose most when they are quantized.
        precise: ends of the names of weights that are float32 whatever the model computes with.

    Returns:
        Weights by the same names.
    """
    wanted = model_config.graph_quantization_encoding
    kept = stored_in_schemes(state_dict)
    if wanted is not None and is_plain(state_dict):
        plan = quantization_plan(state_dict, wanted, sensitive)
        state_dict = {**state_dict, **_deferred_quantization(state_dict, plan)}
    dtype, keeps_halves = model_config.dtype, model_config.keeps_half_matrices
    return {
        name: data
        if name in kept
        else _converted(data, DType.float32 if name.endswith(precise) else dtype, keeps_halves)
        for name, data in state_dict.items()
    }


def is_plain(state_dict: Mapping[str, WeightData]) -> bool:
    """Whether no weight is encoded."""
    return not any(data.quantization_encoding for data in state_dict.values())


def quantization_plan(
    state_dict: Mapping[str, WeightData],
    wanted: QuantizationEncoding,
    sensitive: Collection[str] = SENSITIVE_LAYERS,
) -> dict[str, QuantizedWeight]:
    """The weights to quantize by name: matrices whose rows are whole blocks.

    Args:
        state_dict: plain weights by our names.
        wanted: the encoding of most matrices; see `quantization_recipe` for the others'.
        sensitive: see `encode_weights`.
    """
    layers = num_layers(state_dict)
    is_tied = not any(name.endswith("lm_head.weight") for name in state_dict)
    kept = stored_in_schemes(state_dict)
    plan: dict[str, QuantizedWeight] = {}
    for name, data in state_dict.items():
        if name in kept or not (data.dtype.is_float() and is_multiplied(name, len(data.shape))):
            continue
        shape = tuple(data.shape.static_dims)
        encoding = encoding_of_weight(name, shape[-1], wanted, layers, sensitive, is_tied=is_tied)
        if encoding is not None:
            plan[name] = QuantizedWeight(shape, encoding)
        else:
            logger.debug("%s stays %s: its rows of %d are no blocks", name, data.dtype, shape[-1])
    return plan


def encoded_bytes(
    state_dict: Mapping[str, WeightData],
    model_config: MAXModelConfig,
    sensitive: Collection[str] = SENSITIVE_LAYERS,
) -> int:
    """Bytes that the weights will take after `encode_weights`.

    Args:
        state_dict: the checkpoint's weights; by our names if they are to be quantized.
        model_config: its encoding is resolved.
        sensitive: see `encode_weights`.
    """
    wanted, size = model_config.graph_quantization_encoding, model_config.dtype.size_in_bytes
    plan: Mapping[str, QuantizedWeight] = {}
    if wanted is not None and is_plain(state_dict):
        plan = quantization_plan(state_dict, wanted, sensitive)
    kept = stored_in_schemes(state_dict)

    def bytes_of(name: str, data: WeightData) -> int:
        if name in plan:
            return plan[name].num_bytes
        stays = name in kept or (model_config.keeps_half_matrices and _is_half_matrix(data))
        is_cast = data.dtype.is_float() and not stays
        return prod(data.shape.static_dims) * (size if is_cast else data.dtype.size_in_bytes)

    return sum(bytes_of(name, data) for name, data in state_dict.items())


def _deferred_quantization(
    state_dict: Mapping[str, WeightData], plan: Mapping[str, QuantizedWeight]
) -> dict[str, WeightData]:
    """The weights of a plan, each quantized when it is used; a progress bar shows how many are."""
    total = sum(prod(planned.shape) for planned in plan.values())

    @cache
    def progress() -> tqdm[NoReturn]:
        from tqdm import tqdm

        kinds = Counter(planned.encoding.name for planned in plan.values())
        told = ", ".join(f"{count} as {name}" for name, count in kinds.most_common())
        logger.info("quantizing %d weights: %s", len(plan), told)
        logger.info("`max warm-cache` with these options spares the next start this work")
        return tqdm(total=total, unit="weights", unit_scale=True, desc="quantizing", disable=None)

    def quantized(name: str, encoding: QuantizationEncoding) -> torch.Tensor:
        bar = progress()
        packed = quantize_rows(state_dict[name].to_buffer().tensor, encoding)
        bar.update(prod(plan[name].shape))
        if bar.n >= total:
            bar.close()
        return packed

    return {
        name: state_dict[name].derived(
            partial(quantized, name, encoding),
            DType.uint8,
            Shape([*shape[:-1], encoding.row_bytes(shape[-1])]),
            encoding,
        )
        for name, (shape, encoding) in plan.items()
    }


def _converted(data: WeightData, dtype: DType, keeps_halves: bool) -> WeightData:
    if data.quantization_encoding is not None or not data.dtype.is_float():
        return data
    if keeps_halves and _is_half_matrix(data):
        return data.as_encoded()
    if data.dtype is dtype:
        return data
    return data.derived(lambda: _cast(data, dtype.to_torch()), dtype)


def _cast(data: WeightData, dtype: torch.dtype) -> torch.Tensor:
    return empty_on_pages(data.shape.static_dims, dtype).copy_(data.to_buffer().tensor)


def _is_half_matrix(data: WeightData) -> bool:
    """Whether it is a matrix that layers can decode as they read it."""
    return data.dtype in (DType.float16, DType.bfloat16) and len(data.shape) == 2
