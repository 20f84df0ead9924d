"""tokenizer.json and tokenizer_config.json of a GGUF file's tokenizer.

Keys are those of ggml/docs/gguf.md, kinds of pre-tokenizers those of llama-vocab.cpp.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from max.pipelines.checkpoint.gguf.splits import find_split
from max.pipelines.modeling.errors import ModelSourceError

if TYPE_CHECKING:
    from tokenizers import AddedToken, Tokenizer

    from max.graph.weights.headers.gguf import GGUFHeader

_CONTROL, _USER_DEFINED = 3, 4
_SPACE = "\u2581"
# Names in tokenizer_config.json -> keys of their token ids.
_SPECIAL = {
    "bos_token": "bos_token_id",
    "eos_token": "eos_token_id",
    "unk_token": "unknown_token_id",
    "pad_token": "padding_token_id",
}


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
    special = {
        name: tokens[int(metadata.get(key))]
        for name, key in _SPECIAL.items()
        if metadata.get(key) is not None and int(metadata.get(key)) < len(tokens)
    }
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

    def get(self, key: str, default: Any = None) -> Any:
        return self._metadata.get(f"tokenizer.ggml.{key}", default)


def _make_tokenizer(metadata: _Entries, special: Mapping[str, str], gguf: Path) -> Tokenizer:
    kinds = {"gpt2": _byte_level, "llama": _sentence_piece, "gemma4": _merged_characters}
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
    _add_whole_tokens(tokenizer, tokens, metadata.get("token_type") or [])
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
    """SentencePiece's BPE, as Llama 2 has it: bytes that no token has are tokens `<0x..>`."""
    from tokenizers import Tokenizer, decoders, models, normalizers

    vocabulary = {token: i for i, token in enumerate(tokens)}
    scores = metadata.get("scores") or []
    if len(scores) != len(tokens):
        raise ModelSourceError(f"{gguf} has {len(tokens)} tokens, but {len(scores)} scores")
    tokenizer = Tokenizer(
        models.BPE(
            vocab=vocabulary,
            merges=merges_of_scores(tokens, scores),
            unk_token=special.get("unk_token"),
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    adds_space = bool(metadata.get("add_space_prefix", True))
    replace = normalizers.Replace(" ", _SPACE)
    tokenizer.normalizer = (
        normalizers.Sequence([normalizers.Prepend(_SPACE), replace]) if adds_space else replace
    )
    steps = [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    if adds_space:
        steps.append(decoders.Strip(" ", 1, 0))
    tokenizer.decoder = decoders.Sequence(steps)
    return tokenizer


def merges_of_scores(tokens: list[str], scores: list[float]) -> list[tuple[str, str]]:
    """The merges by which a SentencePiece BPE puts its tokens together, the first ones first.

    A token may come about from any two others that it consists of; the score tells when.
    """
    numbers = {token: i for i, token in enumerate(tokens)}
    found: list[tuple[float, int, int, int, int, str, str]] = []
    for token, score in zip(tokens, scores, strict=True):
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            if left in numbers and right in numbers:
                order = (-score, -len(left), -len(right), numbers[left], numbers[right])
                found.append((*order, left, right))
    return [(left, right) for *_, left, right in sorted(found)]


def _add_whole_tokens(tokenizer: Tokenizer, tokens: list[str], kinds: list[int]) -> None:
    """Tokens that are found in a text before anything else: `<|im_end|>`, and those of users."""
    from tokenizers import AddedToken

    def added(kind: int) -> list[AddedToken]:
        special = kind == _CONTROL
        return [
            AddedToken(token, normalized=False, special=special)
            for token, its in zip(tokens, kinds, strict=False)
            if its == kind and token
        ]

    tokenizer.add_special_tokens(added(_CONTROL))
    tokenizer.add_tokens(added(_USER_DEFINED))


def _add_ends(
    tokenizer: Tokenizer, metadata: _Entries, special: Mapping[str, str], is_llama: bool
) -> None:
    """The tokens that are put before and after every text."""
    from tokenizers import processors

    split = find_split(metadata.get("pre", "default"))
    by_default = is_llama or (split is not None and split.adds_bos)
    before = metadata.get("add_bos_token", by_default) and special.get("bos_token")
    after = metadata.get("add_eos_token", False) and special.get("eos_token")
    pieces = [*([before] if before else []), "$A", *([after] if after else [])]
    if len(pieces) == 1:
        return
    second = [piece if piece == "$A" else f"{piece}:1" for piece in pieces]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=pieces,
        pair=[*pieces, *("$B:1" if piece == "$A" else piece for piece in second)],
        special_tokens=[(t, tokenizer.token_to_id(t)) for t in (before, after) if t],
    )
