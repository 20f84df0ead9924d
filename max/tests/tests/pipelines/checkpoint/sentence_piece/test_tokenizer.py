"""A folder with SentencePiece's tokenizer.model alone has the tokens that SentencePiece gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sentencepiece

from max.pipelines.checkpoint.sentence_piece.model_file import read_model_file
from max.pipelines.checkpoint.sentence_piece.tokenizer import merges_of_scores
from max.pipelines.lib.tokenizer.loading import load_delegate
from max.pipelines.modeling.errors import ModelSourceError
from tests.pipelines.checkpoint.sentence_piece.trained import TEXTS, train


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
@pytest.mark.parametrize(("rule", "removes"), [("identity", False), ("nmt_nfkc", True)])
def test_tokens_are_sentence_piece_s(tmp_path: Path, kind: str, rule: str, removes: bool) -> None:
    folder = train(tmp_path / "model", kind, rule, removes)
    original = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    tokenizer = load_delegate(folder, trust_remote_code=False)
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert ids == original.encode(text), text
        assert tokenizer.decode(ids) == original.decode(ids), text


def test_special_tokens(tmp_path: Path) -> None:
    folder = train(tmp_path / "model", "bpe")
    tokenizer = load_delegate(folder, trust_remote_code=False)
    assert tokenizer.encode("two")[0] == tokenizer.bos_token_id == 1
    assert tokenizer.eos_token_id == 2
    assert tokenizer.encode("two</s>")[-1] == 2
    settings = {"bos_token": "<s>", "add_bos_token": False, "add_eos_token": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    ids = load_delegate(folder, trust_remote_code=False).encode("two")
    assert (ids[0] == 1, ids[-1] == 2) == (False, True)


@pytest.mark.parametrize("content", [b"", b"\x0a\xff", b"PK\x03\x04 no model"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokenizer.model"
    path.write_bytes(content)
    with pytest.raises(ModelSourceError, match=r"tokenizer\.model is (no|a) SentencePiece model"):
        read_model_file(path)


def test_kinds_of_models_that_cut_otherwise_are_refused(tmp_path: Path) -> None:
    folder = train(tmp_path / "model", "char")
    with pytest.raises(ModelSourceError, match="the type 4; known are 1"):
        read_model_file(folder / "tokenizer.model")


def test_merges_come_in_the_order_of_scores() -> None:
    tokens = ["a", "b", "c", "ab", "bc", "abc"]
    merges = merges_of_scores(tokens, [0.0, 0.0, 0.0, -2.0, -1.0, -3.0])
    assert merges == [("b", "c"), ("a", "b"), ("ab", "c"), ("a", "bc")]
