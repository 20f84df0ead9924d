"""GGUF files are read as the `gguf` package wrote them; damaged ones are told."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

from max.dtype import DType
from max.graph.quantization import QuantizationEncoding, dequantize_rows
from max.graph.weights import (
    GGUFWeights,
    Weights,
    WeightsFileError,
    load_weights,
    read_gguf_header,
)

PACKED = np.arange(4 * 144, dtype=np.uint8).reshape(2, 288)


def write_file(path: Path, *, alignment: int | None = None) -> Path:
    """A file with an entry of every kind and a tensor of every kind."""
    writer = gguf.GGUFWriter(path, "llama")
    if alignment is not None:
        writer.add_custom_alignment(alignment)
    writer.add_uint8("a.u8", 200)
    writer.add_int8("a.i8", -5)
    writer.add_int16("a.i16", -500)
    writer.add_uint64("a.u64", 2**40)
    writer.add_int64("a.i64", -(2**40))
    writer.add_float32("a.f32", 0.5)
    writer.add_float64("a.f64", 0.1)
    writer.add_bool("a.bool", True)
    writer.add_string("a.text", "grüße")
    writer.add_array("a.texts", ["", "<s>", "▁the"])
    writer.add_array("a.numbers", [1, -2, 3])
    writer.add_array("a.floats", [0.25, -1e10])
    writer.add_tensor("f32", np.arange(6, dtype=np.float32).reshape(2, 3))
    writer.add_tensor("f16", np.arange(4, dtype=np.float16))
    writer.add_tensor("layer.q4_k", PACKED, raw_dtype=gguf.GGMLQuantizationType.Q4_K)
    half = np.arange(12, dtype=np.uint8).reshape(3, 4)
    writer.add_tensor("bf16", half, raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_file(tmp_path_factory.mktemp("gguf") / "model.gguf")


def test_metadata(file: Path) -> None:
    metadata = read_gguf_header(file).metadata
    assert metadata["general.architecture"] == "llama"
    assert [metadata[f"a.{k}"] for k in ("u8", "i8", "i16")] == [200, -5, -500]
    assert [metadata[f"a.{k}"] for k in ("u64", "i64")] == [2**40, -(2**40)]
    assert [metadata[f"a.{k}"] for k in ("f32", "f64", "bool")] == [0.5, 0.1, True]
    assert metadata["a.text"] == "grüße"
    assert metadata["a.texts"] == ["", "<s>", "▁the"]
    assert metadata["a.numbers"] == [1, -2, 3]
    assert metadata["a.floats"] == [0.25, np.float32(-1e10)]
    assert "a.missing" not in metadata


@pytest.mark.parametrize("alignment", [None, 64, 4096])
def test_tensors(tmp_path: Path, alignment: int | None) -> None:
    weights = load_weights(write_file(tmp_path / "model.gguf", alignment=alignment))
    assert isinstance(weights, GGUFWeights)
    assert isinstance(weights, Weights)
    assert [name for name, _ in weights.items()] == ["f32", "f16", "layer.q4_k", "bf16"]
    np.testing.assert_array_equal(weights.f32.data().to_numpy(), [[0, 1, 2], [3, 4, 5]])
    assert weights.f16.data().to_buffer().tensor.tolist() == [0, 1, 2, 3]
    assert weights.bf16.dtype is DType.bfloat16
    assert list(weights.bf16.shape) == [3, 2]


def test_quantized_tensors_stay_as_they_are(file: Path) -> None:
    data = load_weights(file).layer.q4_k.data()
    assert data.quantization_encoding is QuantizationEncoding.Q4_K
    assert data.dtype is DType.uint8
    np.testing.assert_array_equal(data.to_numpy(), PACKED)
    with pytest.raises(ValueError, match="is Q4_K-encoded"):
        data.astype(DType.float32)


def test_tensors_are_mapped_not_read(file: Path) -> None:
    """Two views of one tensor are the same memory."""
    weights = load_weights(file)
    first, second = (weights.layer.q4_k.data().to_buffer().tensor for _ in range(2))
    assert first.data_ptr() == second.data_ptr()


def test_allocate(file: Path) -> None:
    weights = load_weights(file)
    weight = weights.layer.q4_k.allocate(DType.uint8, [2, 288], QuantizationEncoding.Q4_K)
    assert weight.quantization_encoding is QuantizationEncoding.Q4_K
    assert weight.dtype is DType.float32
    assert weight.shape == [2, 512]
    assert list(weight.type.shape) == [2, 288]
    assert weights.layer.q4_k.allocate(DType.bfloat16, [2, 512]).dtype is DType.bfloat16
    assert list(weights.allocated_weights) == ["layer.q4_k"]
    with pytest.raises(ValueError, match="is not Q6_K-encoded, but Q4_K"):
        weights.layer.q4_k.allocate(quantization_encoding=QuantizationEncoding.Q6_K)
    with pytest.raises(ValueError, match=r"has shape \[2, 512\], not \[2, 256\]"):
        weights.layer.q4_k.allocate(shape=[2, 256])
    with pytest.raises(ValueError, match="is not Q4_K-encoded"):
        weights.f32.allocate(quantization_encoding=QuantizationEncoding.Q4_K)


def test_missing_weights_are_told_with_the_nearest(file: Path) -> None:
    with pytest.raises(KeyError, match=r"no weight 'layer\.q4_0'.*nearest: layer\.q4_k"):
        load_weights(file).layer.q4_0.data()


def test_parts_of_a_model_are_one(tmp_path: Path) -> None:
    paths = []
    for number, name in enumerate(("a", "b")):
        paths.append(tmp_path / f"model-0000{number + 1}-of-00002.gguf")
        write_single(paths[-1], name, gguf.GGMLQuantizationType.F32)
    assert [name for name, _ in load_weights(paths).items()] == ["a", "b"]
    with pytest.raises(WeightsFileError, match="tensor 'a' is in two files"):
        load_weights([paths[0], paths[0]])


def write_single(path: Path, name: str, kind: gguf.GGMLQuantizationType) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    block, size = gguf.GGML_QUANT_SIZES[kind]
    data = np.zeros((1, size), np.uint8) if block > 1 else np.zeros((1, 1), np.float32)
    writer.add_tensor(name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize("kind", ["Q8_1", "Q8_K", "NVFP4"])
def test_types_that_are_not_read_are_told_with_the_tensor(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "model.gguf"
    write_single(path, "blk.0.attn_q.weight", gguf.GGMLQuantizationType[kind])
    with pytest.raises(WeightsFileError, match=rf"tensor 'blk\.0\.attn_q\.weight' of .* {kind},"):
        load_weights(path)


def test_numbers_that_are_no_type_are_told(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    write_single(path, "the.tensor", gguf.GGMLQuantizationType.F32)
    content = path.read_bytes()
    at = content.index(b"the.tensor") + len(b"the.tensor") + 4 + 2 * 8
    path.write_bytes(content[:at] + struct.pack("<I", 999) + content[at + 4 :])
    with pytest.raises(WeightsFileError, match=r"tensor 'the\.tensor' .* the type number 999"):
        load_weights(path)


def test_truncated_data_is_told_with_the_tensor(file: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.gguf"
    short.write_bytes(file.read_bytes()[:-24])
    with pytest.raises(WeightsFileError, match=r"tensor 'bf16' is not whole in .*short\.gguf"):
        load_weights(short)


def test_every_cut_is_told(file: Path, tmp_path: Path) -> None:
    """However a file ends too early, the error is ours and names it."""
    content, short = file.read_bytes(), tmp_path / "short.gguf"
    header = read_gguf_header(file).data_start
    for length in [*range(0, header, 7), header - 1]:
        short.write_bytes(content[:length])
        with pytest.raises(WeightsFileError, match=r"short\.gguf"):
            load_weights(short)


def test_damaged_headers_raise_nothing_else(file: Path, tmp_path: Path) -> None:
    """Any byte of the header may be wrong: either the file still reads, or the error is ours."""
    content, damaged = bytearray(file.read_bytes()), tmp_path / "damaged.gguf"
    rng = np.random.default_rng(0)
    for _ in range(300):
        changed = bytearray(content)
        for at in rng.integers(0, read_gguf_header(file).data_start, 3):
            changed[at] = rng.integers(0, 256)
        damaged.write_bytes(changed)
        try:
            weights = load_weights(damaged)
            metadata = read_gguf_header(damaged).metadata
            _ = [metadata[key] for key in metadata], [w.data() for _, w in weights.items()]
        except ValueError as error:
            assert str(damaged) in str(error) or "metadata" in str(error)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is no GGUF file \(0 bytes"),
        (b"PK\x03\x04" + bytes(100), "is no GGUF file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs pointer"),
        (b"GGUF" + struct.pack("<I", 1) + bytes(100), "is GGUF version 1; known are 2, 3"),
        (b"GGUF" + struct.pack(">I", 3) + bytes(100), "big endian"),
    ],
)
def test_other_files_are_told(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(WeightsFileError, match=message):
        load_weights(path)


def test_missing_files_and_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsFileError, match="no such file"):
        load_weights(tmp_path / "model.gguf")
    (tmp_path / "folder.gguf").mkdir()
    with pytest.raises(WeightsFileError, match="it is a directory"):
        load_weights(tmp_path / "folder.gguf")


def test_headers_with_a_large_vocabulary_are_read_at_once(tmp_path: Path) -> None:
    """128,256 tokens and 280,147 merges, like Llama 3; the limit is generous."""
    path = tmp_path / "model.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_token_list([f"token{i}" for i in range(128_256)])
    writer.add_token_merges([f"a{i} b{i}" for i in range(280_147)])
    writer.add_tensor("w", np.zeros(1, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    elapsed = []
    for _ in range(3):
        started = time.process_time()
        header = read_gguf_header(path)
        elapsed.append(time.process_time() - started)
    assert min(elapsed) < 0.2
    assert header.metadata["tokenizer.ggml.tokens"][-1] == "token128255"


def test_decoding_what_was_read_gives_the_package_s_numbers(file: Path) -> None:
    data = load_weights(file).layer.q4_k.data()
    expected = gguf.quants.dequantize(PACKED, gguf.GGMLQuantizationType.Q4_K)
    got = dequantize_rows(data.to_buffer().tensor, QuantizationEncoding.Q4_K)
    assert torch.equal(got, torch.from_numpy(expected))
