"""Encodings: dtypes, devices, and the names of weight files."""

from __future__ import annotations

import pytest

from max.driver import DeviceSpec
from max.dtype import DType
from max.graph.quantization import QuantizationEncoding
from max.kernels.layouts.planes import PARTS
from max.pipelines.modeling.config_enums import (
    BLOCK_ENCODINGS,
    SupportedEncoding,
    can_cast_encoding,
    is_block_encoding,
    is_decoded_where_read,
    is_float4_encoding,
    loadable_encodings,
    parse_supported_encoding_from_file_name,
    supported_encoding_dtype,
    supported_encoding_supported_devices,
    supported_encoding_supported_on,
    supported_encodings,
)

PLAIN = ("float32", "bfloat16", "float16")


@pytest.mark.parametrize(
    ("encoding", "dtype"),
    [
        ("float32", DType.float32),
        ("bfloat16", DType.bfloat16),
        ("q4_k", DType.uint8),
        ("gptq", DType.uint8),
        ("float4_e2m1fnx2", DType.uint8),
    ],
)
def test_dtype(encoding: SupportedEncoding, dtype: DType) -> None:
    assert supported_encoding_dtype(encoding) is dtype


def test_what_is_decoded_where_it_is_read() -> None:
    decoded = {e for e in supported_encodings() if is_decoded_where_read(e)}
    assert decoded == {"float16", *BLOCK_ENCODINGS}


@pytest.mark.parametrize("encoding", supported_encodings())
def test_devices(encoding: SupportedEncoding) -> None:
    on_cpu = supported_encoding_supported_on(encoding, DeviceSpec.cpu())
    assert on_cpu == (encoding in PLAIN or is_block_encoding(encoding))
    on_gpu = supported_encoding_supported_on(encoding, DeviceSpec.accelerator())
    # Of blocks there are kernels for those that have planes.
    is_rare = is_block_encoding(encoding) and encoding not in PARTS
    assert on_gpu == (encoding != "float16" and not is_rare)
    assert supported_encoding_supported_devices(encoding)


def test_loadable_encodings() -> None:
    plain, blocks = loadable_encodings()[:3], loadable_encodings()[3:]
    assert plain == PLAIN
    assert set(blocks) == BLOCK_ENCODINGS
    for encoding in blocks:
        assert QuantizationEncoding(encoding).block_parameters
        assert supported_encoding_dtype(encoding) is DType.uint8


def test_only_float4_is_float4() -> None:
    assert [e for e in supported_encodings() if is_float4_encoding(e)] == ["float4_e2m1fnx2"]


def test_casts() -> None:
    assert can_cast_encoding("float32", "bfloat16")
    assert can_cast_encoding("bfloat16", "float32")
    assert can_cast_encoding("q4_k", "q4_k")
    assert can_cast_encoding("float16", "float32")
    assert can_cast_encoding("float16", "bfloat16")
    assert not can_cast_encoding("float32", "float16")
    assert can_cast_encoding("bfloat16", "q4_k")
    assert not can_cast_encoding("bfloat16", "iq4_xs")  # nobody makes it here
    assert not can_cast_encoding("q4_k", "float32")
    assert not can_cast_encoding("q6_k", "q4_k")
    assert not can_cast_encoding("float8_e4m3fn", "q4_k")


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("llama-3.1-8b-instruct-q4_k_m.gguf", "q4_k"),
        ("Llama-Q4_0.gguf", "q4_0"),
        ("llama-q6_k.gguf", "q6_k"),
        ("Llama-3.2-1B-Instruct-Q5_K_S.gguf", "q5_k"),
        ("model.Q8_0.gguf", "q8_0"),
        ("model-Q3_K_XL.gguf", "q3_k"),
        ("model-IQ3_M.gguf", "iq3_s"),
        ("gpt-oss-20b-MXFP4.gguf", "mxfp4"),
        ("model-BF16.safetensors", "bfloat16"),
        ("model.f32.gguf", "float32"),
        ("model-fp16.safetensors", "float16"),
        ("model-fp8.safetensors", "float8_e4m3fn"),
        ("model-nvfp4.safetensors", "float4_e2m1fnx2"),
        ("model_gptq.safetensors", "gptq"),
        ("model.safetensors", None),
        ("stuff1632.safetensors", None),
    ],
)
def test_encoding_in_file_name(name: str, encoding: SupportedEncoding | None) -> None:
    assert parse_supported_encoding_from_file_name(name) == encoding
