from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from safetensors import safe_open
from transformers import AutoTokenizer

from integration.test_common.tiny_checkpoints import cached_checkpoint, make_checkpoint
from integration.test_common.tiny_models import TINY_MODELS
from integration.test_common.tiny_tokenizer import VOCAB_SIZE


def _read(folder: Path) -> dict[str, str]:
    found = {}
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118 - not a mapping
                found[name] = str(file.get_tensor(name).double().sum().item())
    return found


def test_the_same_model_has_the_same_weights(tmp_path: Path) -> None:
    model = TINY_MODELS["tiny-llama"]
    first, again = (_read(make_checkpoint(model, tmp_path / name)) for name in "ab")
    other = _read(make_checkpoint(replace(model, seed=1), tmp_path / "c"))
    assert first == again
    assert first.keys() == other.keys()
    assert all(first[name] != other[name] for name in first)


def test_tied_model_has_no_head(tmp_path: Path) -> None:
    tied = _read(make_checkpoint(TINY_MODELS["tiny-qwen2-tied"], tmp_path / "a"))
    assert "lm_head.weight" not in tied
    assert "lm_head.weight" in _read(make_checkpoint(TINY_MODELS["tiny-qwen2"], tmp_path / "b"))


def test_biases(tmp_path: Path) -> None:
    names = _read(make_checkpoint(TINY_MODELS["tiny-llama-bias"], tmp_path / "a")).keys()
    biases = {name.removeprefix("model.layers.0.") for name in names if ".0." in name}
    assert {"self_attn.o_proj.bias", "mlp.down_proj.bias"} <= biases


def test_large_model_is_split_over_files(tmp_path: Path) -> None:
    folder = make_checkpoint(TINY_MODELS["tiny-llama-head128"], tmp_path / "a")
    assert (folder / "model.safetensors.index.json").is_file()
    assert len(list(folder.glob("*.safetensors"))) > 1


@pytest.mark.parametrize("text", ["Hello, world!", " 日本語 🙂\n\t", "", "<s> is text too?"])
def test_tokenizer_round_trips(tmp_path: Path, text: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(
        make_checkpoint(TINY_MODELS["tiny-llama"], tmp_path / "a")
    )
    ids = tokenizer.encode(text)
    assert ids[0] == tokenizer.bos_token_id == 0
    assert max(ids) < VOCAB_SIZE == len(tokenizer)
    assert tokenizer.decode(ids[1:]) == text


def test_cached_checkpoint_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODULAR_MAX_CACHE_DIR", str(tmp_path))
    folder = cached_checkpoint(TINY_MODELS["tiny-llama"])
    assert tmp_path in folder.parents
    (folder / "mark").touch()
    assert cached_checkpoint(TINY_MODELS["tiny-llama"]) == folder
    assert (folder / "mark").exists()
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert cached_checkpoint(replace(TINY_MODELS["tiny-llama"], seed=1)) != folder
