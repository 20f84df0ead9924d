"""adapter_config.json: what is read of it, and what is refused."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from integration.test_common.lora_files import CONFIG, write_adapter
from max.pipelines.lora.errors import AdapterError, AdapterPathError
from max.pipelines.lora.peft_config import PeftConfig
from max.pipelines.lora.peft_files import adapter_folder, check_adapter


def make_config(**fields: Any) -> PeftConfig:
    return PeftConfig.of({**CONFIG, **fields})


def test_scales() -> None:
    layer = "model.layers.3.mlp.up_proj"
    assert make_config(r=4, lora_alpha=12).scale_of(layer) == 3
    assert make_config(r=4, lora_alpha=12, use_rslora=True).scale_of(layer) == 6
    patterns = make_config(
        r=4, lora_alpha=8, rank_pattern={"up_proj": 2}, alpha_pattern={r"layers\.3\..*": 10}
    )
    assert (patterns.rank_of(layer), patterns.scale_of(layer)) == (2, 5)
    assert patterns.scale_of("model.layers.13.mlp.down_proj") == 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"peft_type": "IA3"}, "peft_type 'IA3'"),
        ({"init_lora_weights": "pissa_niter_4"}, "init_lora_weights 'pissa_niter_4'"),
        ({"bias": "some"}, "bias 'some'"),
        ({"use_dora": True, "lora_bias": True}, "use_dora and lora_bias"),
        ({"layer_replication": [[0, 2]]}, "layer_replication"),
        ({"alora_invocation_tokens": [1]}, "alora_invocation_tokens"),
        ({"trainable_token_indices": [5]}, "trainable_token_indices"),
        ({"something_new": {"a": 1}}, "something_new {'a': 1}, which is not supported"),
        ({"r": 0}, "rank below 1"),
        ({"r": "many"}, "cannot be understood"),
        ({"r": 10**400}, "rank above"),
        ({"lora_alpha": float("nan")}, "alpha that is not finite"),
        ({"lora_alpha": 10**400}, "cannot be understood"),
        ({"rank_pattern": {"(": 1}}, "cannot be understood"),
        ({"rank_pattern": {"x" * 5000: 1}}, "a pattern in its adapter_config.json has 5000"),
        ({"alpha_pattern": {f"x{n}": 1 for n in range(20_000)}}, "has 20000 patterns"),
    ],
)
def test_what_is_not_computed_is_refused_by_name(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(AdapterError) as refused:
        make_config(**fields)
    assert message in str(refused.value)


def test_fields_that_ask_for_nothing_are_passed_over() -> None:
    make_config(something_new=None, another={}, lora_dropout=0.1, task_type="CAUSAL_LM")


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_links_out_of_the_folder_are_not_followed(tmp_path: Path, name: str) -> None:
    folder = write_adapter(tmp_path / "adapter", {})
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    with pytest.raises(AdapterError, match="is a link to"):
        check_adapter(folder)


def test_deeply_nested_configuration(tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "adapter", {})
    (folder / "adapter_config.json").write_text("[" * 100_000)
    with pytest.raises(AdapterError, match="cannot read"):
        check_adapter(folder)


def test_files_of_a_folder(tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "adapter", {})
    digest = check_adapter(folder)
    assert len(digest) == 64 == len(check_adapter(folder)) and digest == check_adapter(folder)
    config = folder / "adapter_config.json"
    config.write_text(json.dumps({**CONFIG, "r": 5}))
    assert check_adapter(folder) != digest
    weights = folder / "adapter_model.safetensors"
    weights.rename(folder / "adapter_model.bin")
    with pytest.raises(AdapterError, match="a pickle"):
        check_adapter(folder)
    (folder / "adapter_model.bin").unlink()
    with pytest.raises(AdapterError, match=r"no adapter_model\.safetensors"):
        check_adapter(folder)
    config.write_text("{")
    with pytest.raises(AdapterError, match="cannot read"):
        check_adapter(folder)
    config.unlink()
    with pytest.raises(AdapterError, match=r"no adapter_config\.json"):
        check_adapter(folder)


def test_folders_outside_of_the_root_are_refused(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    inside = root / "mine"
    inside.mkdir(parents=True)
    outside.mkdir()
    assert adapter_folder(str(inside), root) == inside
    (root / "link").symlink_to(outside)
    for path in (outside, root / ".." / "outside", root / "link"):
        with pytest.raises(AdapterPathError, match="--lora-root"):
            adapter_folder(str(path), root)
    with pytest.raises(AdapterPathError, match="no folder here"):
        adapter_folder(str(root / "nowhere"), None)


def test_pattern_that_matches_in_too_many_ways_is_refused() -> None:
    config = make_config(rank_pattern={"(a+)+b": 2})
    with pytest.raises(AdapterError, match=r"takes too many steps|take more than"):
        config.rank_of("a" * 4000)


@pytest.mark.parametrize(
    "pattern", ["(.*)*x", "(a|a)*b", r"(.*)\1\1\1x", "(" * 400 + ")" * 400, "((x{999}){999}){999}"]
)
def test_odd_patterns_come_to_an_end(pattern: str) -> None:
    with suppress(AdapterError):
        make_config(rank_pattern={pattern: 2}).rank_of("a" * 4000)


def test_patterns_that_take_too_long_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("max.pipelines.lora.peft_patterns._MOST_SECONDS", -1.0)
    with pytest.raises(AdapterError, match="to compare with its layers' names"):
        make_config(rank_pattern={"q_proj": 2})
