"""The types that tensors of GGUF files have."""

from __future__ import annotations

from pathlib import Path

from max.dtype import DType
from max.graph.quantization import BLOCK_ENCODINGS, encoding_of_ggml_type
from max.graph.weights.headers.errors import WeightsFileError
from max.graph.weights.headers.gguf import GGUFTensor
from max.graph.weights.headers.tensor_info import TensorInfo

# Numbers of ggml.h's `ggml_type`.
DTYPES = {
    0: DType.float32,
    1: DType.float16,
    24: DType.int8,
    25: DType.int16,
    26: DType.int32,
    27: DType.int64,
    28: DType.float64,
    30: DType.bfloat16,
}
_OTHER_TYPES = {
    9: "Q8_1",
    15: "Q8_K",
    31: "Q4_0_4_4",
    32: "Q4_0_4_8",
    33: "Q4_0_8_8",
    40: "NVFP4",
}


def tensor_info(name: str, tensor: GGUFTensor, path: Path) -> TensorInfo:
    """What is stored of a tensor.

    Raises:
        WeightsFileError: if its type is not one that is read, or its rows are no whole blocks.
    """
    dtype = DTYPES.get(tensor.ggml_type)
    if dtype is not None:
        return TensorInfo(dtype, tensor.shape)
    encoding = encoding_of_ggml_type(tensor.ggml_type)
    if encoding is None:
        kind = _OTHER_TYPES.get(tensor.ggml_type, f"number {tensor.ggml_type}")
        known = ", ".join([e.name for e in BLOCK_ENCODINGS] + ["F32", "F16", "BF16"])
        raise WeightsFileError(
            f"tensor '{name}' of {path} has the type {kind}, which is not supported; use a file "
            f"whose tensors are of {known}"
        )
    if not tensor.shape:
        raise WeightsFileError(f"tensor '{name}' of {path} is {encoding.name} but has no axes")
    *rows, elements = tensor.shape
    try:
        shape = (*rows, encoding.row_bytes(elements))
    except ValueError as error:
        raise WeightsFileError(f"tensor '{name}' of {path}: {error}") from error
    return TensorInfo(DType.uint8, shape, encoding)
