"""Which layers have room for whole weights of adapters."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from integration.test_common.lora_files import write_adapter
from max.dtype import DType
from max.graph import DeviceRef
from max.nn.lora import LayerSlots
from max.pipelines.config import LoRAConfig
from max.pipelines.lora.modules_to_save import check_modules_to_save, modules_to_save
from max.pipelines.modeling.errors import ConfigurationError


def make_config(*paths: Path, names: list[str] | None = None) -> LoRAConfig:
    paths_by_name = [f"{path.name}={path}" for path in paths]
    return LoRAConfig(enable_lora=True, lora_paths=paths_by_name, lora_modules_to_save=names)


def test_the_adapters_of_the_start_decide_unless_it_is_said(tmp_path: Path) -> None:
    product = {
        "layers.0.q_proj.lora_A.weight": torch.ones(4, 2),
        "layers.0.q_proj.lora_B.weight": torch.ones(2, 4),
        "layers.0.q_proj.lora_magnitude_vector": torch.ones(2),
        "embed_tokens.lora_embedding_A": torch.ones(4, 2),
        "lm_head.base_layer.weight": torch.ones(2, 2),
        "layers.0.q_proj.bias": torch.ones(2),
    }
    whole = torch.ones(2, 2)
    one = write_adapter(tmp_path / "one", {**product, "lm_head.weight": whole})
    other = write_adapter(tmp_path / "other", {**product, "model.embed_tokens.weight": whole})
    plain = write_adapter(tmp_path / "plain", product)
    assert modules_to_save(make_config(one, other, plain)) == {"lm_head", "embed_tokens"}
    assert modules_to_save(make_config(plain)) == set()
    assert modules_to_save(make_config(one, names=["norm"])) == {"norm"}
    assert modules_to_save(make_config(one, names=[])) == set()


def test_what_cannot_be_read_is_left_to_loading(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert modules_to_save(make_config(tmp_path / "empty", tmp_path / "none")) == set()


def test_a_name_that_no_layer_has_is_an_error() -> None:
    layers = {
        path: LayerSlots(1, 4, 4, 16, DType.float32, DeviceRef.CPU(), saves=path == "lm_head")
        for path in ("lm_head", "layers.0.q_proj")
    }
    check_modules_to_save(make_config(names=["lm_head"]), layers)
    with pytest.raises(ConfigurationError, match=r"to-save q_norm: .* lm_head, q_proj, and norms"):
        check_modules_to_save(make_config(names=["q_norm"]), layers)


def test_room_for_whole_weights_needs_lora() -> None:
    with pytest.raises(ValueError, match=r"\(--lora-modules-to-save\) needs --enable-lora"):
        LoRAConfig(lora_modules_to_save=["lm_head"])
