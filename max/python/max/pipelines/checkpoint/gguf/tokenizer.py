"""tokenizer.json and tokenizer_config.json of a GGUF file's tokenizer.

Keys are those of ggml/docs/gguf.md, kinds of pre-tokenizers those of llama-vocab.cpp.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from max.pipelines.checkpoint.gguf.special_tokens import special_ids
from max.pipelines.checkpoint.gguf.splits import find_split
from max.pipelines.checkpoint.sentence_piece.model_file import BPE, UNIGRAM, SentencePieceModel
from max.pipelines.checkpoint.sentence_piece.tokenizer import (
    add_ends,
    add_whole_tokens,
    make_tokenizer,
)
from max.pipelines.modeling.errors import ModelSourceError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from max.graph.weights.headers.gguf import GGUFHeader

_SPACE = "\u2581"
_NORMAL, _BYTE = 1, 6  # kinds of tokens


def has_tokenizer(header: GGUFHeader) -> bool:
    """Whether the file has a tokenizer at all."""
    return bool(header.metadata.get("tokenizer.ggml.model", "no_vocab") != "no_vocab")


def write_tokenizer(header: GGUFHeader, folder: Path, gguf: Path) -> None:
    """Writes the two files.

    Args:
        header: of the GGUF file.
        folder: where to.
        gguf: the file, for messages.

    Raises:
        ModelSourceError: if the tokenizer is of a kind that is not known, or damaged.
    """
    metadata = _Entries(header.metadata)
    tokens = metadata.get("tokens") or []
    ids = special_ids(header.metadata) if tokens else {}
    special = {name: tokens[i] for name, i in ids.items()}
    tokenizer = _make_tokenizer(metadata, special, gguf)
    tokenizer.save(str(folder / "tokenizer.json"))
    config: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", **special}
    config["clean_up_tokenization_spaces"] = False
    architecture = header.metadata.get("general.architecture")
    if length := header.metadata.get(f"{architecture}.context_length"):
        config["model_max_length"] = length
    if templates := _chat_templates(header.metadata):
        config["chat_template"] = templates
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")


def _chat_templates(metadata: Mapping[str, Any]) -> str | list[dict[str, str]] | None:
    """The template, or several by their names, as tokenizer_config.json has them."""
    key = "tokenizer.chat_template"
    named = {name: metadata.get(f"{key}.{name}") for name in metadata.get(f"{key}s") or []}
    named["default"] = metadata.get(key)
    found = {name: text for name, text in named.items() if text}
    if found.keys() <= {"default"}:
        return found.get("default")
    return [{"name": name, "template": text} for name, text in found.items()]


class _Entries:
    """The entries `tokenizer.ggml.*`."""

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self._metadata = metadata

    @property
    def model_name(self) -> str:
        """What the file calls the model, in small letters."""
        return str(self._metadata.get("general.name", "")).lower()

    def get(self, key: str, default: Any = None) -> Any:
        return self._metadata.get(f"tokenizer.ggml.{key}", default)


def _make_tokenizer(metadata: _Entries, special: Mapping[str, str], gguf: Path) -> Tokenizer:
    kinds = {
        "gpt2": _byte_level,
        "llama": _sentence_piece,
        "gemma4": _merged_characters,
        "bert": _word_pieces,
        "t5": _unigram,
    }
    model = metadata.get("model")
    if model not in kinds:
        raise ModelSourceError(
            f"the tokenizer of {gguf} is of the kind {model!r} (tokenizer.ggml.model), which is "
            f"not known; known: {', '.join(kinds)}. {_WAY_OUT}"
        )
    tokens: list[str] = metadata.get("tokens")
    if not tokens:
        raise ModelSourceError(f"{gguf} has a tokenizer without tokens; convert it again")
    is_of_characters = model == "gpt2" and metadata.get("pre") in _OF_CHARACTERS
    make = _merged_characters if is_of_characters else kinds[model]
    tokenizer = make(tokens, metadata, special, gguf)
    kinds_of_tokens = metadata.get("token_type") or []
    add_whole_tokens(
        tokenizer, tokens, kinds_of_tokens, _eats_spaces(metadata), _eating_before(metadata)
    )
    if model == "bert":
        add_ends(tokenizer, special.get("cls_token"), special.get("sep_token"))
    else:
        _add_ends(tokenizer, metadata, special)
    return tokenizer


# Ways of cutting text that are no byte-level ones, whatever the file's kind of model says.
_OF_CHARACTERS = ("gemma4", "granite-embed-multi-311m", "sarvam-moe")
# Ways of cutting text that RoBERTa and its relatives have.
_ROBERTAS = ("roberta-bpe", "jina-v1-en", "jina-v2-code", "jina-v2-de", "jina-v2-es", "modern-bert")
_WAY_OUT = (
    "Use the original model's: give --model a folder with its config.json and tokenizer, and the "
    "GGUF file as --weight-path."
)


def _byte_level(
    tokens: list[str], metadata: _Entries, special: Mapping[str, str], gguf: Path
) -> Tokenizer:
    """Byte-level BPE, as GPT-2 and Llama 3 have it."""
    from tokenizers import Tokenizer, decoders, models

    pre = metadata.get("pre", "default")
    split = find_split(pre)
    if split is None:
        raise ModelSourceError(
            f"the tokenizer of {gguf} splits text in a way that is not known, {pre!r} "
            f"(tokenizer.ggml.pre). {_WAY_OUT}"
        )
    vocabulary = {token: i for i, token in enumerate(tokens)}
    pairs = _merges(metadata, vocabulary, gguf)
    tokenizer = Tokenizer(
        models.BPE(vocab=vocabulary, merges=pairs, ignore_merges=split.ignore_merges)
    )
    if split.normalizer is not None:
        tokenizer.normalizer = split.normalizer()
    tokenizer.pre_tokenizer = split.pre_tokenizer()
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _merges(metadata: _Entries, vocabulary: Mapping[str, int], gguf: Path) -> list[tuple[str, str]]:
    """The pairs that are put together, the first ones first."""
    pairs = [tuple(merge.split(" ", 1)) for merge in metadata.get("merges") or []]
    wrong = next((p for p in pairs if len(p) != 2 or not {*p, "".join(p)} <= vocabulary.keys()), 0)
    if wrong:
        raise ModelSourceError(f"{gguf} has the merge {wrong!r} of tokens that it does not have")
    return cast("list[tuple[str, str]]", pairs)


def _merged_characters(
    tokens: list[str], metadata: _Entries, special: Mapping[str, str], gguf: Path
) -> Tokenizer:
    """Merges of characters as SentencePiece has them, line by line, as Gemma 4 has it."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    vocabulary = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(
        models.BPE(
            vocab=vocabulary,
            merges=_merges(metadata, vocabulary, gguf),
            unk_token=special.get("unk_token"),
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    tokenizer.normalizer = normalizers.Replace(" ", _SPACE)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[^\n]+|\n+"), behavior="isolated")
    steps = [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence(steps)
    return tokenizer


def _sentence_piece(
    tokens: list[str], metadata: _Entries, special: Mapping[str, str], gguf: Path
) -> Tokenizer:
    """SentencePiece's BPE, as Llama 2 has it."""
    model = SentencePieceModel(
        pieces=tokens,
        scores=_scores(metadata, tokens, gguf),
        model_type=BPE,
        byte_fallback=True,
        add_space_prefix=bool(metadata.get("add_space_prefix", True)),
        removes_extra_spaces=False,
    )
    return make_tokenizer(model, special.get("unk_token"))


def _unigram(
    tokens: list[str], metadata: _Entries, special: Mapping[str, str], gguf: Path
) -> Tokenizer:
    """SentencePiece's Unigram, as T5 and XLM-RoBERTa have it."""
    kinds = metadata.get("token_type") or [_NORMAL] * len(tokens)
    scores = _scores(metadata, tokens, gguf)
    # An unknown character is less likely than any token by a constant: tokens that are there to
    # fill up the vocabulary, with scores far below all, have no part in that.
    least = min((s for s, kind in zip(scores, kinds, strict=True) if kind == _NORMAL), default=0.0)
    model = SentencePieceModel(
        pieces=tokens,
        scores=[max(score, least) for score in scores],
        model_type=UNIGRAM,
        byte_fallback=_BYTE in kinds,
        add_space_prefix=bool(metadata.get("add_space_prefix", False)),
        removes_extra_spaces=bool(metadata.get("remove_extra_whitespaces", False)),
        charsmap=_charsmap(metadata, gguf),
    )
    return make_tokenizer(model, special.get("unk_token"))


def _scores(metadata: _Entries, tokens: list[str], gguf: Path) -> list[float]:
    scores: list[float] = metadata.get("scores") or []
    if len(scores) != len(tokens):
        raise ModelSourceError(f"{gguf} has {len(tokens)} tokens, but {len(scores)} scores")
    return scores


def _charsmap(metadata: _Entries, gguf: Path) -> bytes:
    """The table of characters that are written otherwise: its trie's size, the trie, the texts."""
    table = bytes(byte & 0xFF for byte in metadata.get("precompiled_charsmap") or [])
    if table and len(table) <= 4 + int.from_bytes(table[:4], "little"):
        raise ModelSourceError(
            f"{gguf} has a table of characters (tokenizer.ggml.precompiled_charsmap) of "
            f"{len(table)} bytes, which ends too early; convert it again"
        )
    return table


def _word_pieces(
    tokens: list[str], metadata: _Entries, special: Mapping[str, str], gguf: Path
) -> Tokenizer:
    """BERT's WordPiece; files mark what begins a word, tokenizer.json what does not."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    kinds = metadata.get("token_type") or [_NORMAL] * len(tokens)
    pieces = [
        token if kind != _NORMAL else token[1:] if token.startswith(_SPACE) else f"##{token}"
        for token, kind in zip(tokens, kinds, strict=True)
    ]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    unknown = special.get("unk_token", "[UNK]")
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=unknown))
    lowercase = bool(metadata.get("normalizer.lowercase", True))
    tokenizer.normalizer = normalizers.BertNormalizer(
        lowercase=lowercase,
        strip_accents=bool(metadata.get("normalizer.strip_accents", lowercase)),
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def _eats_spaces(metadata: _Entries) -> bool:
    """Whether tokens take the spaces behind them, as Phi-3's do; llama.cpp knows it by the name."""
    return any(name in metadata.model_name for name in ("phi-3", "phi3"))


def _eating_before(metadata: _Entries) -> frozenset[str]:
    """The tokens that take the spaces before them: what masks a word of RoBERTa's relatives."""
    is_relative = metadata.get("model") == "t5" or metadata.get("pre") in _ROBERTAS
    return frozenset({"<mask>", "[MASK]"}) if is_relative else frozenset()


def _add_ends(tokenizer: Tokenizer, metadata: _Entries, special: Mapping[str, str]) -> None:
    """The tokens that are put before and after every text."""
    model, split = metadata.get("model"), find_split(metadata.get("pre", "default"))
    begins = model == "llama" or (model == "gpt2" and split is not None and split.adds_bos)
    before = metadata.get("add_bos_token", begins) and special.get("bos_token")
    after = metadata.get("add_eos_token", model == "t5") and special.get("eos_token")
    add_ends(tokenizer, before or None, after or None)
