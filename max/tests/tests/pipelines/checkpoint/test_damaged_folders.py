"""Model folders that say anything: each ends in an error that a person can read, soon."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from max.graph.weights.headers.errors import WeightsFileError
from max.graph.weights.headers.gguf import read_gguf_header
from max.graph.weights.headers.safetensors import read_safetensors_header
from max.pipelines.checkpoint.hf_files import load_huggingface_config, read_json
from max.pipelines.checkpoint.json_files import read_json_value
from max.pipelines.lib.tokenizer.loading import load_delegate
from max.pipelines.modeling.errors import ModelSourceError

BOUNDED = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
DEEP = 100_000


def safetensors_file(header: object, data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def gguf_file() -> bytes:
    """An entry of each kind, and a tensor."""
    key, value = b"general.name", b"tiny"
    entries = struct.pack("<Q", len(key)) + key + struct.pack("<IQ", 8, len(value)) + value
    array = b"tokenizer.ggml.token_type"
    entries += struct.pack("<Q", len(array)) + array + struct.pack("<IIQ", 9, 4, 3) + bytes(12)
    tensor = struct.pack("<Q", 1) + b"w" + struct.pack("<IQIQ", 1, 4, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 2) + entries + tensor
    return head + bytes(-len(head) % 32) + bytes(16)


def damage(content: bytes, data: st.DataObject) -> bytes:
    """A few bytes changed, some left out, or the end missing."""
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        match data.draw(st.sampled_from(["change", "remove", "cut", "large"])):
            case "change":
                damaged[at] = data.draw(st.integers(0, 255))
            case "remove":
                del damaged[at : at + 8]
            case "cut":
                del damaged[at:]
            case _:
                damaged[at : at + 8] = b"\xff" * 8
        if not damaged:
            break
    return bytes(damaged)


@BOUNDED
@given(st.data())
def test_damaged_safetensors(tmp_path: Path, data: st.DataObject) -> None:
    whole = safetensors_file(
        {"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}, bytes(16)
    )
    path = tmp_path / "model.safetensors"
    path.write_bytes(damage(whole, data))
    try:
        read_safetensors_header(path)
    except WeightsFileError as error:
        assert len(str(error)) < 1000


@BOUNDED
@given(st.data())
def test_damaged_gguf(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(damage(gguf_file(), data))
    try:
        header = read_gguf_header(path)
        for name in header.metadata:
            header.metadata[name]
    except WeightsFileError as error:
        assert len(str(error)) < 1000
    except (ValueError, IndexError, struct.error):
        pass  # Of a value that is asked for: it is told with its name.


def test_whole_gguf_is_read(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf_file())

    header = read_gguf_header(path)

    assert header.metadata["general.name"] == "tiny"
    assert list(header.tensors) == ["w"]


@pytest.mark.parametrize(
    ("key", "entry"),
    [
        ("tokenizer.ggml.bos_token_id", struct.pack("<IQ", 8, 0)),
        ("tokenizer.ggml.eos_token_id", struct.pack("<If", 6, float("inf"))),
        ("tokenizer.ggml.tokens", struct.pack("<II", 4, 1)),
        ("tokenizer.ggml.scores", struct.pack("<IIQ", 9, 8, 0)),
        ("general.architecture", struct.pack("<IIQ", 9, 8, 0)),
    ],
)
def test_gguf_metadata_of_another_kind(tmp_path: Path, key: str, entry: bytes) -> None:
    path = tmp_path / "model.gguf"
    name = struct.pack("<Q", len(key)) + key.encode()
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + name + entry)
    with pytest.raises(WeightsFileError, match=f"'{key}' is of another kind"):
        read_gguf_header(path)


@pytest.mark.parametrize("header", [b"[" * DEEP, b'{"a":' * DEEP])
def test_deep_safetensors_headers(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(WeightsFileError):
        read_safetensors_header(path)


def test_deep_gguf_arrays(tmp_path: Path) -> None:
    deep = struct.pack("<Q", 1) + b"a" + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * DEEP
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + deep)
    with pytest.raises(WeightsFileError):
        read_gguf_header(path)


def test_large_json(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"a": "' + "x" * (33 << 20) + '"}')
    with pytest.raises(ModelSourceError, match="more than 32 MiB"):
        read_json(path)


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 99_999_000, 33 << 20])
def test_large_safetensors_headers(tmp_path: Path, length: int) -> None:
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", length) + b"{")
        file.truncate(100 << 20)  # a hole: it takes no room
    with pytest.raises(WeightsFileError):
        read_safetensors_header(path)


@pytest.mark.parametrize(
    ("counts", "entry"),
    [
        ((2**60, 0), b""),
        ((0, 2**60), b""),
        ((0, 1), struct.pack("<IIQ", 9, 4, 2**60)),
        ((0, 1), struct.pack("<IIQ", 9, 8, 2**60)),
        ((0, 1), struct.pack("<IQ", 8, 2**60)),
        ((0, 1), struct.pack("<IIQ", 9, 8, 2**24) + bytes(2**20)),
    ],
)
def test_large_gguf_counts(tmp_path: Path, counts: tuple[int, int], entry: bytes) -> None:
    path = tmp_path / "model.gguf"
    key = struct.pack("<Q", 1) + b"k"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, *counts) + key + entry)
    with pytest.raises(WeightsFileError, match=r"is damaged|has .* bytes instead of"):
        read_gguf_header(path)


def test_long_gguf_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many arrays of empty texts, of which a hole in a file is full."""
    monkeypatch.setattr("max.graph.weights.headers.gguf._MOST_HEADER_BYTES", 1 << 16)
    texts = 2**12
    with (path := tmp_path / "model.gguf").open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, 0, 3))
        for key in (b"a", b"b", b"c"):
            file.write(struct.pack("<Q", 1) + key + struct.pack("<IIQ", 9, 8, texts))
            file.seek(8 * texts, 1)
        file.truncate()
    with pytest.raises(WeightsFileError, match="bytes of header, more than 65536"):
        read_gguf_header(path)


def test_pipe_in_the_place_of_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(ModelSourceError, match="is no file"):
        read_json_value(tmp_path / "config.json")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"num_hidden_layers": 2**31}, "num_hidden_layers=2147483648"),
        ({"max_position_embeddings": 10**30}, "max_position_embeddings="),
        ({"text_config": {"num_experts": 10**9}}, "num_experts=1000000000"),
        ({"auto_map": 5, "hidden_size": None}, "cannot read"),
    ],
)
def test_fields_that_no_model_has(tmp_path: Path, fields: dict[str, Any], told: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, **fields}))
    with pytest.raises(ModelSourceError, match=told):
        load_huggingface_config(tmp_path, trust_remote_code=False)


def test_deep_json(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("[" * DEEP)
    with pytest.raises(ModelSourceError, match="is not valid JSON"):
        read_json(path)


CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "vocab_size": 32,
    "max_position_embeddings": 64,
    "rope_scaling": None,
}
WRONG: list[Any] = [0, -1, 1.5, "x", None, [], {}, [1], True, 10**30]


@BOUNDED
@given(st.sampled_from(sorted(CONFIG)), st.sampled_from(WRONG))
def test_wrong_values_of_a_configuration(tmp_path: Path, name: str, value: Any) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, name: value}))
    try:
        load_huggingface_config(tmp_path, trust_remote_code=False)
    except ModelSourceError as error:
        assert str(tmp_path) in str(error)


BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
TOKENIZER: dict[str, Any] = {
    "version": "1.0",
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": BYTES,
    "post_processor": None,
    "decoder": BYTES,
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]},
}


@BOUNDED
@given(st.sampled_from(sorted(TOKENIZER)), st.sampled_from(WRONG))
def test_wrong_values_of_a_tokenizer(tmp_path: Path, name: str, value: Any) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps({**TOKENIZER, name: value}))
    try:
        load_delegate(tmp_path, trust_remote_code=False)
    except ModelSourceError as error:
        assert str(tmp_path) in str(error)


@pytest.mark.parametrize("name", [b"a\x1b[2J", b"\n", b"x" * 2000])
def test_gguf_names_that_nobody_should_be_shown(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / "model.gguf"
    tensor = struct.pack("<Q", len(name)) + name + struct.pack("<IQIQ", 1, 4, 0, 0)
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + tensor)
    with pytest.raises(WeightsFileError, match="a tensor is called") as refused:
        read_gguf_header(path)
    assert str(refused.value).isprintable() and len(str(refused.value)) < 500


@pytest.mark.parametrize("ends", [[None, 3], ["x", "y"], [1e400, 5], [[], {}]])
def test_offsets_of_safetensors_of_other_kinds(tmp_path: Path, ends: list[Any]) -> None:
    header = {str(end): {"dtype": "F32", "shape": [1], "data_offsets": [0, end]} for end in ends}
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors_file(header, bytes(4)))
    with pytest.raises(WeightsFileError, match="is no safetensors file"):
        read_safetensors_header(path)


def test_tokenizer_that_panics_at_each_text(tmp_path: Path) -> None:
    single = [
        {"SpecialToken": {"id": "<s>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
    ]
    both = {"single": single, "pair": [*single, {"Sequence": {"id": "B", "type_id": 0}}]}
    processor = {"type": "TemplateProcessing", **both, "special_tokens": {}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(TOKENIZER | {"post_processor": processor}))
    with pytest.raises(ModelSourceError, match="cannot read the tokenizer"):
        load_delegate(tmp_path, trust_remote_code=False)


def test_what_is_damaged_here_is_whole(tmp_path: Path) -> None:
    """Else nothing would be tried."""
    (tmp_path / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    assert load_delegate(tmp_path, trust_remote_code=False).encode("ab") == [2]
    assert load_huggingface_config(tmp_path, trust_remote_code=False).vocab_size == 32


@BOUNDED
@given(st.data())
def test_damaged_tokenizer(tmp_path: Path, data: st.DataObject) -> None:
    (tmp_path / "tokenizer.json").write_bytes(damage(json.dumps(TOKENIZER).encode(), data))
    try:
        load_delegate(tmp_path, trust_remote_code=False)
    except ModelSourceError as error:
        assert len(str(error)) < 1000


@BOUNDED
@given(st.data())
def test_damaged_configuration(tmp_path: Path, data: st.DataObject) -> None:
    (tmp_path / "config.json").write_bytes(damage(json.dumps(CONFIG).encode(), data))
    try:
        load_huggingface_config(tmp_path, trust_remote_code=False)
    except ModelSourceError as error:
        assert len(str(error)) < 2000
