"""config.json from a GGUF file's metadata, and the folder that is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from max.driver.cache_folder import CacheFolderError
from max.graph.weights import read_gguf_header
from max.pipelines.checkpoint.gguf.config import gguf_config, gguf_generation_config
from max.pipelines.checkpoint.gguf.folder import completed_folder, is_complete
from max.pipelines.lib.registry import PIPELINE_REGISTRY
from max.pipelines.modeling.errors import ModelSourceError
from tests.pipelines.checkpoint.gguf.gguf_models import write_model


@pytest.fixture(autouse=True, scope="module")
def families() -> None:
    """The registry makes the tree's families known."""
    assert PIPELINE_REGISTRY.names()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("MODULAR_MAX_CACHE_DIR", str(folder))
    return folder


def read(tmp_path: Path, **options: Any) -> dict[str, Any]:
    path = write_model(tmp_path / "m.gguf", **options)
    return gguf_config(read_gguf_header(path), path)


def test_llama(tmp_path: Path) -> None:
    config = read(tmp_path)
    assert config == {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "num_hidden_layers": 2,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 128,
        "rms_norm_eps": pytest.approx(1e-5),
        "vocab_size": 3,
        "tie_word_embeddings": False,
        "hidden_act": "silu",
        "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0},
        "attention_bias": False,
        "attention_output_bias": False,
        "mlp_bias": False,
        "eos_token_id": 1,
    }


def test_qwen2(tmp_path: Path) -> None:
    path = write_model(
        tmp_path / "m.gguf",
        general__architecture="qwen2",
        qwen2__block_count=1,
        qwen2__context_length=9,
        qwen2__embedding_length=64,
        qwen2__feed_forward_length=96,
        qwen2__attention__head_count=4,
        qwen2__attention__layer_norm_rms_epsilon=1e-6,
    )
    config = gguf_config(read_gguf_header(path), path)
    assert config["architectures"] == ["Qwen2ForCausalLM"]
    assert config["num_key_value_heads"] == 4
    assert config["head_dim"] == 16
    assert config["use_sliding_window"] is False
    assert config["rope_parameters"]["rope_theta"] == 10000.0


def test_what_the_tensors_tell(tmp_path: Path) -> None:
    tensors: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (300, 64),
        "blk.0.attn_q.bias": (64,),
        "rope_freqs.weight": (8,),
    }
    config = read(tmp_path, tensors=tensors)
    assert config["tie_word_embeddings"] is True
    assert config["vocab_size"] == 300
    assert config["attention_bias"] is True
    assert config["rope_freq_factors"] == [1.0] * 8


def test_rope_scaling(tmp_path: Path) -> None:
    config = read(tmp_path, llama__rope__scaling__type="linear", llama__rope__scaling__factor=4.0)
    assert config["rope_parameters"] == {
        "rope_type": "linear",
        "rope_theta": 500000.0,
        "factor": 4.0,
    }


def test_yarn(tmp_path: Path) -> None:
    yarn = {"llama__rope__scaling__type": "yarn", "llama__rope__scaling__factor": 4.0}
    expected = {"rope_type": "yarn", "rope_theta": 500000.0, "factor": 4.0}
    rope = read(tmp_path, **yarn)["rope_parameters"]
    assert rope == expected
    shorter = read(tmp_path, **yarn, llama__rope__scaling__original_context_length=32)
    rope = shorter["rope_parameters"]
    assert rope == {**expected, "original_max_position_embeddings": 32}


def test_old_files_have_another_name_of_a_factor_and_no_kind(tmp_path: Path) -> None:
    linear = {"rope_type": "linear", "rope_theta": 500000.0, "factor": 2.0}
    for changes in (
        {"llama__rope__scale_linear": 2.0},
        {"llama__rope__scaling__factor": 2.0},
        {"llama__rope__scaling__type": "linear", "llama__rope__scale_linear": 2.0},
    ):
        assert read(tmp_path, **changes)["rope_parameters"] == linear
    none = {"llama__rope__scaling__type": "none", "llama__rope__scaling__factor": 2.0}
    assert read(tmp_path, **none)["rope_parameters"]["rope_type"] == "default"


def test_sentence_piece_files_need_not_name_their_tokens(tmp_path: Path) -> None:
    named = {"tokenizer__ggml__model": "llama", "tokenizer__ggml__eos_token_id": None}
    config = read(tmp_path, **named)
    assert (config["bos_token_id"], config["eos_token_id"]) == (1, 2)


@pytest.mark.parametrize(
    ("tokens", "ends"),
    [
        (["<|end|>", "<|return|>", "<|call|>", "a"], [1, 2]),  # gpt-oss
        (["<|end|>", "<|flush|>", "<|calls|>", "a"], [1, 2]),  # Solar Open
        (["</s>", "<eos>", "<|tool_response>", "<turn|>"], [1, 2, 3]),  # Gemma 4
        (["</s>", "[e~[", "<eos>", "[EOS]"], [0, 1, 2, 3]),
    ],
)
def test_texts_that_end_an_answer_and_those_that_end_a_message_of_several(
    tmp_path: Path, tokens: list[str], ends: list[int]
) -> None:
    path = write_model(
        tmp_path / "m.gguf", tokenizer__ggml__tokens=tokens, tokenizer__ggml__eos_token_id=1
    )
    assert gguf_generation_config(read_gguf_header(path)) == {"eos_token_id": ends}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"general__architecture": "gemma9"}, "architecture 'gemma9'.*known: .*llama, .*qwen2"),
        ({"llama__block_count": None}, r"no metadata 'llama\.block_count'"),
        ({"llama__expert_count": 8}, r"no metadata 'llama\.expert_used_count'"),
        ({"llama__feed_forward_length": [96, 128]}, "layers of different sizes"),
        ({"llama__attention__causal": False}, r"llama\.attention\.causal is false"),
        (
            {"llama__rope__scaling__attn_factor": 2.0},
            r"by 2\.0 \(llama\.rope\.scaling\.attn_factor",
        ),
        ({"llama__rope__scaling__type": "ntk"}, "type 'ntk'.*known: none, linear, yarn"),
    ],
)
def test_models_that_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelSourceError, match=message):
        read(tmp_path, **changes)


def test_a_file_without_an_embedding_is_no_whole_model(tmp_path: Path) -> None:
    with pytest.raises(ModelSourceError, match=r"no tensor 'token_embd\.weight'"):
        read(tmp_path, tensors={"output.weight": (3, 64)})


def test_tokens_that_end_an_answer(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.gguf", tokenizer__ggml__eot_token_id=0)
    # eos and eot by their ids, <|end|> by its text.
    assert gguf_generation_config(read_gguf_header(path)) == {"eos_token_id": [0, 1, 2]}


def test_sizes_that_are_the_same_in_all_layers_may_be_listed(tmp_path: Path) -> None:
    assert read(tmp_path, llama__feed_forward_length=[96, 96])["intermediate_size"] == 96


def test_the_folder_is_made_once(tmp_path: Path, cache: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    file = write_model(model / "m.gguf")
    assert not is_complete(model)
    made = completed_folder(model, file)
    assert cache in made.parents
    assert is_complete(made)
    names = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"]
    assert sorted(path.name for path in made.iterdir()) == names
    before = (made / "config.json").stat().st_mtime_ns
    assert completed_folder(model, file) == made
    assert (made / "config.json").stat().st_mtime_ns == before
    assert list(made.parent.iterdir()) == [made]


def test_another_header_makes_another_folder(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    first = completed_folder(model, write_model(model / "m.gguf"))
    changed = write_model(model / "m.gguf", llama__context_length=256)
    second = completed_folder(model, changed)
    assert first != second
    assert json.loads((second / "config.json").read_text())["max_position_embeddings"] == 256


def test_what_the_folder_has_wins(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"architectures": ["MineForCausalLM"]}')
    file = write_model(model / "m.gguf", general__architecture="gemma9")
    made = completed_folder(model, file)
    assert "MineForCausalLM" in (made / "config.json").read_text()
    assert (made / "tokenizer.json").is_file()
    (model / "tokenizer.json").write_text("{}")
    assert is_complete(model)


def test_a_cache_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODULAR_MAX_CACHE_DIR", str(tmp_path / "file"))
    (tmp_path / "file").touch()
    file = write_model(tmp_path / "m.gguf")
    with pytest.raises(CacheFolderError, match="set MODULAR_MAX_CACHE_DIR"):
        completed_folder(tmp_path, file)
