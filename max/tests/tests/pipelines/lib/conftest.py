"""Tiny tokenizers, made on the spot, of the two kinds that most models have."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from max.pipelines.lib.tokenizer import TextTokenizer

_BOS, _EOS, _END_OF_TURN = "<s>", "</s>", "<|end|>"
_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{{ '<' + m.role + '>' + m.content + '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
)


def _byte_level() -> Tokenizer:
    """Byte-level BPE as GPT-2, Llama 3 and Qwen have it; tokens may begin inside a character."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=340,
        show_progress=False,
        special_tokens=[_BOS, _EOS, _END_OF_TURN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    corpus = [
        "hello world, how are you? Stop here.",
        "日本語のテスト 日本",
        "😀😃😄👍🏽",
        "naïve café",
    ]
    tokenizer.train_from_iterator(corpus * 4, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{_BOS} $A", special_tokens=[(_BOS, tokenizer.token_to_id(_BOS))]
    )
    return tokenizer


def _byte_fallback() -> Tokenizer:
    """SentencePiece-like BPE as Llama 2 and Mistral have it: '▁' for space, bytes for the rest."""
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    letters = ["▁", *"abcdefghijklmnopqrstuvwxyz.,?!", "▁h", "▁he", "ll", "▁hell", "▁hello"]
    pieces = ["<unk>", _BOS, _EOS, *bytes_, *letters, _END_OF_TURN]
    merges = [("▁", "h"), ("▁h", "e"), ("l", "l"), ("▁he", "ll"), ("▁hell", "o")]
    vocabulary = {piece: token for token, piece in enumerate(pieces)}
    model = models.BPE(vocab=vocabulary, merges=merges, byte_fallback=True, unk_token="<unk>")
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.add_special_tokens([_BOS, _EOS, _END_OF_TURN])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{_BOS} $A", special_tokens=[(_BOS, tokenizer.token_to_id(_BOS))]
    )
    return tokenizer


def _write_model(folder: Path, tokenizer: Tokenizer) -> Path:
    """A model's folder without weights: tokenizer, chat template and configuration."""
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    contents: dict[str, dict[str, object]] = {
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": _BOS,
            "eos_token": _EOS,
            "chat_template": _TEMPLATE,
            "model_max_length": 4096,
        },
        "config.json": {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": tokenizer.get_vocab_size(),
            "max_position_embeddings": 2048,
            "eos_token_id": tokenizer.token_to_id(_EOS),
        },
        "generation_config.json": {"eos_token_id": [tokenizer.token_to_id(_END_OF_TURN)]},
    }
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def byte_level_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder with a byte-level BPE tokenizer. Do not change it."""
    return _write_model(tmp_path_factory.mktemp("byte_level") / "model", _byte_level())


@pytest.fixture(scope="session")
def byte_fallback_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder with a SentencePiece-like tokenizer. Do not change it."""
    return _write_model(tmp_path_factory.mktemp("byte_fallback") / "model", _byte_fallback())


@pytest.fixture(scope="session")
def byte_level(byte_level_folder: Path) -> TextTokenizer:
    """The byte-level BPE tokenizer."""
    return TextTokenizer(byte_level_folder)


@pytest.fixture(scope="session")
def byte_fallback(byte_fallback_folder: Path) -> TextTokenizer:
    """The SentencePiece-like tokenizer."""
    return TextTokenizer(byte_fallback_folder)


@pytest.fixture
def make_model_folder(byte_level_folder: Path, tmp_path: Path) -> Callable[..., Path]:
    """`make_model_folder(config={...}, ...)` copies the byte-level model with other JSON values.

    Keywords are the JSON files by stem; a value of None removes a key, None for a file removes it.
    """

    def make(**changes: dict[str, object] | None) -> Path:
        folder = tmp_path / "model"
        shutil.copytree(byte_level_folder, folder)
        for stem, values in changes.items():
            path = folder / f"{stem}.json"
            if values is None:
                path.unlink()
                continue
            content = {**json.loads(path.read_text(encoding="utf-8")), **values}
            kept = {key: value for key, value in content.items() if value is not None}
            path.write_text(json.dumps(kept), encoding="utf-8")
        return folder

    return make
