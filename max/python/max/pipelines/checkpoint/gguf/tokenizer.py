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
from max.pipelines.checkpoint.sentence_piece.model_file import BPE, SentencePieceModel
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
_NORMAL = 1  # kind of a token


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
    config = {"tokenizer_class": "PreTrainedTokenizerFast", **special}
    config["clean_up_tokenization_spaces"] = False
    architecture = header.metadata.get("general.architecture")
    if length := header.metadata.get(f"{architecture}.context_length"):
        config["model_max_length"] = length
    if template := header.metadata.get("tokenizer.chat_template"):
        config["chat_template"] = template
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")


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
    tokenizer = kinds[model](tokens, metadata, special, gguf)
    kinds_of_tokens = metadata.get("token_type") or []
    add_whole_tokens(tokenizer, tokens, kinds_of_tokens, _eats_spaces(metadata))
    if model == "bert":
        add_ends(tokenizer, special.get("cls_token"), special.get("sep_token"))
    else:
        _add_ends(tokenizer, metadata, special, model == "llama")
    return tokenizer


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
    scores = metadata.get("scores") or []
    if len(scores) != len(tokens):
        raise ModelSourceError(f"{gguf} has {len(tokens)} tokens, but {len(scores)} scores")
    model = SentencePieceModel(
        pieces=tokens,
        scores=scores,
        model_type=BPE,
        byte_fallback=True,
        add_space_prefix=bool(metadata.get("add_space_prefix", True)),
        removes_extra_spaces=False,
    )
    return make_tokenizer(model, special.get("unk_token"))


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


def _add_ends(
    tokenizer: Tokenizer, metadata: _Entries, special: Mapping[str, str], is_llama: bool
) -> None:
    """The tokens that are put before and after every text."""
    split = find_split(metadata.get("pre", "default"))
    by_default = is_llama or (split is not None and split.adds_bos)
    before = metadata.get("add_bos_token", by_default) and special.get("bos_token")
    after = metadata.get("add_eos_token", False) and special.get("eos_token")
    add_ends(tokenizer, before or None, after or None)
