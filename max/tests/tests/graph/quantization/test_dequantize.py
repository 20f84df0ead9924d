"""Blocks decode to what the `gguf` package says, bit for bit."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
import torch

from max.graph.quantization import QuantizationEncoding, dequantize_rows

GGML_TYPES = {
    "float16": gguf.GGMLQuantizationType.F16,
    "bfloat16": gguf.GGMLQuantizationType.BF16,
}
ENCODINGS = [e for e in QuantizationEncoding if e.is_gguf]


def ggml_type(encoding: QuantizationEncoding) -> gguf.GGMLQuantizationType:
    name = encoding.value
    return GGML_TYPES.get(name) or gguf.GGMLQuantizationType[name.upper()]


def assert_same_bits(packed: np.ndarray, encoding: QuantizationEncoding) -> None:
    with np.errstate(all="ignore"):
        expected = gguf.quants.dequantize(packed, ggml_type(encoding))
    got = dequantize_rows(torch.from_numpy(packed), encoding).numpy()
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype == np.float32
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(np.isnan(got), ~numbers)
    np.testing.assert_array_equal(got.view(np.uint32)[numbers], expected.view(np.uint32)[numbers])


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: e.name)
def test_random_bytes_decode_as_the_gguf_package_decodes_them(
    encoding: QuantizationEncoding,
) -> None:
    """All bit patterns come up: scales that are zero, subnormal, infinite and NaN too."""
    rng = np.random.default_rng(0)
    packed = rng.integers(0, 256, (512, 2 * encoding.block_size), dtype=np.uint8)
    assert_same_bits(packed, encoding)


@pytest.mark.parametrize("fill", [0x00, 0xFF, 0x7B, 0x80])
@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: e.name)
def test_blocks_of_one_byte_decode_as_the_gguf_package_decodes_them(
    encoding: QuantizationEncoding, fill: int
) -> None:
    assert_same_bits(np.full((1, 3 * encoding.block_size), fill, np.uint8), encoding)


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: e.name)
def test_block_sizes_are_ggml_s(encoding: QuantizationEncoding) -> None:
    assert tuple(encoding.block_parameters) == gguf.GGML_QUANT_SIZES[ggml_type(encoding)]


def test_no_rows_are_fine() -> None:
    empty = dequantize_rows(torch.empty(0, 144, dtype=torch.uint8), QuantizationEncoding.Q4_K)
    assert empty.shape == (0, 256)


def test_a_part_of_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match="a row of 100 bytes is not Q4_K: its blocks have 144"):
        dequantize_rows(torch.zeros(1, 100, dtype=torch.uint8), QuantizationEncoding.Q4_K)
    with pytest.raises(ValueError, match="a row of 100 elements cannot be Q4_K"):
        QuantizationEncoding.Q4_K.row_bytes(100)


def test_gptq_has_no_blocks() -> None:
    assert not QuantizationEncoding.GPTQ.is_gguf
    with pytest.raises(ValueError, match="not rows of blocks"):
        _ = QuantizationEncoding.GPTQ.block_parameters
