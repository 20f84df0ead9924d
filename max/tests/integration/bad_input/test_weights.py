"""Weight files that are missing, broken or of another model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from integration.bad_input.conftest import CopyModel
from integration.bad_input.refusal import USAGE_ERROR, copy_model, generate, refusal

Tensors = dict[str, torch.Tensor]
WEIGHTS = "model.safetensors"


def rewrite(model: Path, change: Callable[[Tensors], Tensors]) -> Path:
    """Changes the tensors of a model's file."""
    save_file(change(load_file(model / WEIGHTS)), model / WEIGHTS)
    return model


def test_missing_shard(sharded_model: Path, tmp_path: Path) -> None:
    missing = sorted(path.name for path in sharded_model.glob("model-*.safetensors"))[1]
    model = copy_model(sharded_model, tmp_path / "model", (missing,))
    count = len(list(sharded_model.glob("model-*.safetensors")))
    refusal(generate(model), f"lists {count} weight files", missing, "download complete?")


def test_truncated_shard(sharded_model: Path, tmp_path: Path) -> None:
    model = copy_model(sharded_model, tmp_path / "model")
    shard = sorted(model.glob("model-*.safetensors"))[1]
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-10])
    sizes = f"it has {len(whole) - 10} bytes instead of {len(whole)}"
    refusal(generate(model), shard.name, sizes, "an interrupted download?")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "it has only 0 bytes; an interrupted download?"),
        (b"<!DOCTYPE html><html>Please sign in</html>", "is no safetensors file"),
        (b"version https://git-lfs.github.com/spec/v1\nsize 5\n", "run `git lfs pull`"),
    ],
)
def test_something_else_than_weights(spoilt: CopyModel, content: bytes, told: str) -> None:
    model = spoilt()
    (model / WEIGHTS).write_bytes(content)
    refusal(generate(model), WEIGHTS, told)


def test_no_weights(spoilt: CopyModel) -> None:
    model = spoilt(WEIGHTS)
    refusal(generate(model), "no weights in", "expected *.safetensors or *.gguf, found none")
    (model / "pytorch_model.bin").touch()
    refusal(generate(model), "found pytorch_model.bin, which this release does not load")


def test_broken_index(sharded_model: Path, tmp_path: Path) -> None:
    model = copy_model(sharded_model, tmp_path / "model")
    (model / "model.safetensors.index.json").write_text("{")
    refusal(generate(model), "model.safetensors.index.json is not an index of weights")


def test_all_that_is_wrong_with_the_weights_is_told_together(spoilt: CopyModel) -> None:
    def change(tensors: Tensors) -> Tensors:
        tensors["model.layers.1.mlp.upp_proj.weight"] = tensors.pop(
            "model.layers.1.mlp.up_proj.weight"
        )
        tensors["model.layers.0.self_attn.q_proj.weight"] = torch.zeros(3, 64)
        tensors["model.layers.0.self_attn.k_proj.weight"] = torch.zeros(32, 64, dtype=torch.int8)
        del tensors["model.norm.weight"]
        return tensors

    refusal(
        generate(rewrite(spoilt(), change)),
        "Missing required weights: layers.1.mlp.up_proj.weight, norm.weight",
        "'layers.1.mlp.up_proj.weight', did you mean 'layers.1.mlp.upp_proj.weight'?",
        "Unexpected keys in state_dict: layers.1.mlp.upp_proj.weight",
        "'layers.0.self_attn.k_proj.weight' had different dtype (expected=float32, actual=int8)",
        "'layers.0.self_attn.q_proj.weight' had different shape (expected=[64, 64], actual=[3, 64]",
    )


def test_weights_of_a_type_that_is_not_loaded(spoilt: CopyModel) -> None:
    narrow = torch.float8_e4m3fn
    model = rewrite(spoilt(), lambda tensors: {name: t.to(narrow) for name, t in tensors.items()})
    refusal(
        generate(model), "'float8_e4m3fn'", str(model), "supported: float32", exit_code=USAGE_ERROR
    )
