"""A checkpoint's weights in the form that the model computes with."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

from max.dtype import DType
from max.graph import Shape
from max.graph.quantization import QuantizationEncoding, quantize_rows
from max.graph.weights import WeightData
from max.pipelines.config import MAXModelConfig
from max.pipelines.lib.quantization_recipe import encoding_of_weight, num_layers

logger = logging.getLogger("max.pipelines")


def encode_weights(
    state_dict: Mapping[str, WeightData], model_config: MAXModelConfig
) -> dict[str, WeightData]:
    """The weights encoded as the configuration asks, the others in the dtype of the computation.

    Encoded weights stay as they are, mapped from their file. Plain ones are cast, but for matrices
    of half precision in a quantized model, which layers decode as they read them. A checkpoint
    without encoded weights is quantized, with a progress bar, when blocks are asked for.

    Args:
        state_dict: weights by our names.
        model_config: its encoding is resolved.

    Returns:
        Weights by the same names.
    """
    wanted = model_config.graph_quantization_encoding
    is_quantized = any(data.quantization_encoding for data in state_dict.values())
    if wanted is not None and not is_quantized:
        state_dict = quantize_weights(state_dict, wanted)
    dtype = model_config.dtype
    return {name: _converted(data, dtype, wanted) for name, data in state_dict.items()}


def quantize_weights(
    state_dict: Mapping[str, WeightData], wanted: QuantizationEncoding
) -> dict[str, WeightData]:
    """Quantizes the matrices of a model; see `quantization_recipe` for which gets what.

    Args:
        state_dict: plain weights by our names.
        wanted: the encoding of most matrices.

    Returns:
        Weights by the same names; those that are no matrices are as they were.
    """
    from tqdm import tqdm

    plan = dict(quantization_plan(state_dict, wanted))
    others = {name: e.name for name, e in plan.items() if e is not wanted}
    kinds = ", ".join(
        f"{list(others.values()).count(k)} as {k}" for k in sorted({*others.values()})
    )
    logger.info(
        "quantizing %d weights to %s%s; `max warm-cache` keeps the result",
        len(plan),
        wanted.name,
        f" ({kinds})" if kinds else "",
    )
    total = sum(state_dict[name].to_buffer().tensor.nbytes for name in plan)
    quantized = dict(state_dict)
    with tqdm(
        total=total, unit="B", unit_scale=True, desc=f"quantizing to {wanted.name}", disable=None
    ) as progress:
        for name, encoding in plan.items():
            tensor = state_dict[name].to_buffer().tensor
            packed = quantize_rows(tensor, encoding)
            quantized[name] = WeightData(packed, name, DType.uint8, Shape(packed.shape), encoding)
            progress.update(tensor.nbytes)
    return quantized


def quantization_plan(
    state_dict: Mapping[str, WeightData], wanted: QuantizationEncoding
) -> Iterator[tuple[str, QuantizationEncoding]]:
    """The weights to quantize, and the encoding of each."""
    layers = num_layers(state_dict)
    is_tied = not any(name.endswith("lm_head.weight") for name in state_dict)
    for name, data in state_dict.items():
        if not (data.dtype.is_float() and len(data.shape) == 2 and name.endswith(".weight")):
            continue
        elements = int(data.shape[-1])
        encoding = encoding_of_weight(name, elements, wanted, layers, is_tied=is_tied)
        if encoding is not None:
            yield name, encoding
        else:
            logger.info("%s stays %s: rows of %d are no blocks", name, data.dtype, elements)


def _converted(data: WeightData, dtype: DType, wanted: QuantizationEncoding | None) -> WeightData:
    if data.quantization_encoding is not None or not data.dtype.is_float():
        return data
    is_half_matrix = data.dtype in (DType.float16, DType.bfloat16) and len(data.shape) == 2
    if wanted is not None and is_half_matrix:
        return data.as_encoded()
    return data.astype(dtype)
