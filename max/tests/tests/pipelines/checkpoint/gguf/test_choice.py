"""Which GGUF file is meant, and what it is encoded in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from max.graph.weights import load_weights
from max.pipelines.checkpoint.gguf.choice import (
    choose_model,
    encoding_if_known,
    encoding_of,
    group_parts,
    parts_of,
)
from max.pipelines.checkpoint.source import LocalModel, find_model
from max.pipelines.config.model_config import MAXModelConfig
from max.pipelines.modeling.config_enums import SupportedEncoding
from max.pipelines.modeling.errors import ConfigurationError, ModelSourceError
from tests.pipelines.checkpoint.gguf.gguf_models import TENSORS, write_model


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODULAR_MAX_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    return made


def make_config(folder: Path, **settings: object) -> MAXModelConfig:
    return MAXModelConfig.model_validate(
        {"model_path": str(folder), "device_specs": "cpu", **settings}
    )


def test_parts_belong_together() -> None:
    names = ["b-00002-of-00002.gguf", "a.gguf", "b-00001-of-00002.gguf", "mmproj-f16.gguf", "x.txt"]
    assert group_parts(names) == {
        "a.gguf": ["a.gguf"],
        "b-00001-of-00002.gguf": ["b-00001-of-00002.gguf", "b-00002-of-00002.gguf"],
    }


def test_models_in_subfolders_come_last_and_companions_are_none() -> None:
    names = ["Q4/x-00002-of-00002.GGUF", "Q4/x-00001-of-00002.GGUF", "z.gguf", "._z.gguf"]

    assert group_parts([*names, "Q4/._x-00001-of-00002.GGUF"]) == {
        "z.gguf": ["z.gguf"],
        "Q4/x-00001-of-00002.GGUF": ["Q4/x-00001-of-00002.GGUF", "Q4/x-00002-of-00002.GGUF"],
    }


def test_parts_in_a_subfolder_are_found(folder: Path) -> None:
    (folder / "Q8_0").mkdir()
    first = write_model(folder / "Q8_0" / "m-00001-of-00002.gguf", "Q8_0")
    write_model(folder / "Q8_0" / "m-00002-of-00002.gguf", "Q8_0")

    assert make_config(folder).resolved_weight_paths[0] == first.resolve()


@pytest.mark.parametrize("name", ["sha256-0a1b", "M.GGUF", "m.gguf.part"])
def test_a_file_is_known_by_its_first_bytes(folder: Path, name: str) -> None:
    path = write_model(folder / "m.gguf", "Q8_0").rename(folder / name)

    config = make_config(path)

    assert config.resolved_weight_paths == [path.resolve()]
    assert (config.resolved_model_path / "config.json").is_file()
    assert dict(load_weights(config.resolved_weight_paths).items())


def test_a_link_has_its_own_name_and_neighbours(folder: Path) -> None:
    blob = write_model(folder / "m.gguf", "Q8_0").rename(folder / "5e1f")
    (folder / "snapshot").mkdir()
    link = folder / "snapshot" / "tiny.gguf"
    link.symlink_to(blob)

    assert make_config(link).resolved_weight_paths[0].name == "tiny.gguf"


def test_a_stub_does_not_hide_what_the_file_says(folder: Path) -> None:
    write_model(folder / "m.gguf", "Q8_0")
    (folder / "config.json").write_text('{"model_type": "llama", "note": "packed by hand"}')

    made = json.loads((make_config(folder).resolved_model_path / "config.json").read_text())

    assert made["architectures"] == ["LlamaForCausalLM"]
    assert made["note"] == "packed by hand"


def test_missing_parts_are_told(folder: Path) -> None:
    first = folder / "b-00001-of-00003.gguf"
    for number in (1, 3):
        (folder / f"b-0000{number}-of-00003.gguf").touch()
    with pytest.raises(ModelSourceError, match=r"but 1 are missing: b-00002-of-00003\.gguf"):
        parts_of(first)
    (folder / "b-00002-of-00003.gguf").touch()
    assert [path.name for path in parts_of(first)] == [
        f"b-0000{number}-of-00003.gguf" for number in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("kind", "file_type", "encoding"),
    [
        ("Q8_0", None, "q8_0"),
        ("Q5_0", 15, "q4_k"),  # Q4_K_M of rows that are no whole blocks of 256
        ("F32", None, "float32"),
        ("F16", 1, "float16"),
        ("F32", 15, "float32"),  # a label that tools left
        ("F32", 1, "float32"),
        ("Q8_0", 0, "q8_0"),
        ("Q4_0", 4000, "q4_0"),
    ],
)
def test_encoding_of_a_file(
    folder: Path, kind: str, file_type: int | None, encoding: SupportedEncoding
) -> None:
    path = write_model(folder / "m.gguf", kind, general__file_type=file_type)
    assert encoding_of(path) == encoding


def test_a_model_is_what_all_its_parts_have(folder: Path) -> None:
    """The first part of large models has little but metadata."""
    first = write_model(folder / "m-00001-of-00002.gguf", "F32", tensors={"a": (3,)})
    write_model(folder / "m-00002-of-00002.gguf", "Q8_0")
    assert encoding_of(first) == "q8_0"
    config = make_config(folder)
    assert config.huggingface_config.vocab_size == 3
    assert config.huggingface_config.tie_word_embeddings is False
    assert config.resolve_encoding("float32", {"q8_0"}) == "q8_0"


def test_types_that_are_not_read_are_told_with_their_tensor(folder: Path) -> None:
    path = write_model(folder / "m.gguf", "Q8_K")
    with pytest.raises(ModelSourceError, match=r"tensor 'token_embd\.weight' .* type Q8_K"):
        encoding_of(path)
    assert encoding_if_known(path) is None


ENCODINGS: dict[str, SupportedEncoding | None] = {
    "a-Q2_K.gguf": None,
    "b-Q6_K.gguf": "q6_k",
    "c-F16.gguf": "float16",
    "d-Q4_K_M.gguf": "q4_k",
}


@pytest.mark.parametrize(
    ("requested", "name"),
    [
        (None, "d-Q4_K_M.gguf"),
        ("q4_k", "d-Q4_K_M.gguf"),
        ("q6_k", "b-Q6_K.gguf"),
        ("bfloat16", "c-F16.gguf"),
        ("q8_0", "c-F16.gguf"),
    ],
)
def test_choice(requested: SupportedEncoding | None, name: str) -> None:
    assert choose_model(ENCODINGS, requested, "org/model") == name


def test_without_the_usual_choice_few_bits_come_last() -> None:
    encodings: dict[str, SupportedEncoding | None] = {"a": "iq2_s", "b": None, "c": "q5_k"}
    assert choose_model(encodings, None, "org/model") == "c"
    del encodings["c"]
    assert choose_model(encodings, None, "org/model") == "a"
    assert choose_model({"b": None}, None, "org/model") == "b"


def test_what_is_not_there_is_told_with_what_is() -> None:
    encodings = {name: e for name, e in ENCODINGS.items() if e != "float16"}
    message = (
        r"compatible weights cannot be found for 'q8_0', in the provided repo: 'org/model'\. "
        r"It has a-Q2_K\.gguf \(unknown\), b-Q6_K\.gguf \(q6_k\), d-Q4_K_M\.gguf \(q4_k\)"
    )
    with pytest.raises(ConfigurationError, match=message):
        choose_model(encodings, "q8_0", "org/model")


def test_a_folder_of_several_files(folder: Path) -> None:
    for kind in ("Q8_0", "Q4_0"):
        write_model(folder / f"m-{kind}.gguf", kind)
    config = make_config(folder)
    assert config.resolved_weight_paths == [folder / "m-Q4_0.gguf"]
    assert config.resolve_encoding("bfloat16", {"q4_0", "q8_0"}) == "q4_0"
    config = make_config(folder, quantization_encoding="q8_0")
    assert config.resolved_weight_paths == [folder / "m-Q8_0.gguf"]
    with pytest.raises(ConfigurationError, match="cannot be found for 'q6_k'"):
        _ = make_config(folder, quantization_encoding="q6_k").resolved_weight_paths


def test_the_model_s_files_are_made(folder: Path) -> None:
    write_model(folder / "m.gguf")
    config = make_config(folder)
    assert config.architecture_name == "LlamaForCausalLM"
    assert config.huggingface_config.num_hidden_layers == 2
    assert config.generation_config is not None
    assert config.generation_config.eos_token_id == [1, 2]
    assert config.has_gguf_weights
    assert config.resolved_model_path != folder


def test_safetensors_are_preferred_unless_blocks_are_asked_for(folder: Path) -> None:
    (folder / "model.safetensors").touch()
    gguf = write_model(folder / "m.gguf", "Q8_0")
    source = LocalModel(folder)
    assert source.weight_files([]) == [folder / "model.safetensors"]
    assert source.weight_files([], "q8_0") == [gguf]
    assert source.weight_files([], "q4_k") == [folder / "model.safetensors"]


def test_a_file_is_a_model(folder: Path) -> None:
    write_model(folder / "a.gguf")
    file = write_model(folder / "b.gguf")
    source = find_model(str(file))
    assert source.weight_files([]) == [file]
    assert make_config(file).architecture_name == "LlamaForCausalLM"


def test_weight_path_is_read_with_the_base_s_files(folder: Path, tmp_path: Path) -> None:
    tuned = write_model(tmp_path / "tuned.gguf", "Q8_0")
    (folder / "config.json").write_text('{"architectures": ["Base"], "model_type": "llama"}')
    (folder / "tokenizer.json").touch()
    config = make_config(folder, weight_path=str(tuned), quantization_encoding="q8_0")
    assert config.resolved_model_path == folder
    assert config.architecture_name == "Base"
    assert config.resolve_encoding("float32", {"q8_0"}) == "q8_0"
    with pytest.raises(ConfigurationError, match="compatible weights cannot be found for 'q4_k'"):
        make_config(folder, weight_path=str(tuned), quantization_encoding="q4_k").resolve_encoding(
            "float32", {"q4_k", "q8_0"}
        )


def test_a_base_without_files_of_its_own_takes_those_of_the_weights(
    folder: Path, tmp_path: Path
) -> None:
    """As a repository that has only GGUF files."""
    write_model(folder / "base.gguf", "Q4_0")
    tensors: dict[str, tuple[int, ...]] = {**TENSORS, "token_embd.weight": (7, 64)}
    tuned = write_model(tmp_path / "tuned.gguf", "Q8_0", tensors=tensors)
    config = make_config(folder, weight_path=str(tuned))
    assert config.huggingface_config.vocab_size == 7


def test_blocks_run_on_gpus_too(folder: Path) -> None:
    write_model(folder / "m.gguf", "Q8_0")
    config = make_config(folder, device_specs="gpu")
    assert config.resolve_encoding("float32", {"q8_0"}) == "q8_0"
    assert [spec.device_type for spec in config.device_specs] == ["gpu"]
