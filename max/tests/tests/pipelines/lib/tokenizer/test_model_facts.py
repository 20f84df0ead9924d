"""End tokens, vocabulary size and length limit come from all configuration files together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from max.pipelines.lib.tokenizer.loading import load_delegate
from max.pipelines.lib.tokenizer.model_facts import ModelFacts, read_model_facts
from max.pipelines.modeling.errors import ModelSourceError

MakeFolder = Callable[..., Path]


def facts_of(folder: Path) -> ModelFacts:
    """What the folder's files say."""
    return read_model_facts(folder, load_delegate(folder, trust_remote_code=False))


def test_end_tokens_are_merged(make_model_folder: MakeFolder) -> None:
    folder = make_model_folder(
        config={"eos_token_id": [7, 8]}, generation_config={"eos_token_id": [8, 9]}
    )
    assert facts_of(folder).eos_token_ids == {1, 7, 8, 9}  # 1 is the tokenizer's </s>


def test_single_end_tokens(make_model_folder: MakeFolder) -> None:
    folder = make_model_folder(config={"eos_token_id": 7}, generation_config={"eos_token_id": 9})
    assert facts_of(folder).eos_token_ids == {1, 7, 9}


def test_nobody_names_an_end_token(make_model_folder: MakeFolder) -> None:
    folder = make_model_folder(
        config={"eos_token_id": None}, generation_config=None, tokenizer_config={"eos_token": None}
    )
    assert facts_of(folder).eos_token_ids == frozenset()


def test_text_configuration_inside_another(make_model_folder: MakeFolder) -> None:
    text = {"vocab_size": 1000, "max_position_embeddings": 99, "eos_token_id": 42}
    facts = facts_of(make_model_folder(config={"text_config": text}))
    assert (facts.vocab_size, facts.max_length) == (1000, 99)
    assert 42 in facts.eos_token_ids


@pytest.mark.parametrize(
    ("positions", "tokenizer_limit", "expected"),
    [(512, 2048, 512), (4096, 2048, 2048), (None, 2048, 2048), (512, None, 512)],
)
def test_length_limit_is_the_smaller_one(
    make_model_folder: MakeFolder,
    positions: int | None,
    tokenizer_limit: int | None,
    expected: int,
) -> None:
    folder = make_model_folder(
        config={"max_position_embeddings": positions},
        tokenizer_config={"model_max_length": tokenizer_limit},
    )
    assert facts_of(folder).max_length == expected


def test_vocabulary_size_of_the_tokenizer_without_a_configuration(
    make_model_folder: MakeFolder,
) -> None:
    folder = make_model_folder(config=None)
    delegate = load_delegate(folder, trust_remote_code=False)
    assert read_model_facts(folder, delegate).vocab_size == len(delegate)


def test_damaged_generation_configuration(make_model_folder: MakeFolder) -> None:
    folder = make_model_folder()
    delegate = load_delegate(folder, trust_remote_code=False)
    (folder / "generation_config.json").write_text("[", encoding="utf-8")
    with pytest.raises(ModelSourceError, match=r"generation_config\.json"):
        read_model_facts(folder, delegate)


def test_end_token_that_is_no_id(make_model_folder: MakeFolder) -> None:
    folder = make_model_folder(generation_config={"eos_token_id": "</s>"})
    with pytest.raises(ModelSourceError, match=r"eos_token_id is '</s>'; it should be a token id"):
        facts_of(folder)


@pytest.mark.parametrize(
    "config",
    [
        {"text_config": 5},
        {"text_config": "x"},
        {"text_config": {"vocab_size": "x"}},
        {"max_position_embeddings": 1.5},
    ],
)
def test_values_that_are_none(make_model_folder: MakeFolder, config: dict[str, object]) -> None:
    with pytest.raises(ModelSourceError, match=r"config\.json has "):
        facts_of(make_model_folder(config=config))
