"""A `tokenizers.Tokenizer` that cuts text as SentencePiece does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from max.pipelines.checkpoint.sentence_piece.model_file import BPE, SentencePieceModel

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_SPACE = "\u2581"
_UNKNOWN, _CONTROL, _USER_DEFINED = 2, 3, 4


def make_tokenizer(model: SentencePieceModel, unknown: str | None = None) -> Tokenizer:
    """The tokenizer of a model; bytes that no piece has are tokens `<0x..>`.

    A space is put before each part of a text between whole tokens, as llama.cpp and transformers
    do.

    Args:
        model: pieces, and what is done to text before it is cut.
        unknown: the text of the token for what has no piece; the model's unless given.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers

    if unknown is None and _UNKNOWN in model.kinds:
        unknown = model.pieces[model.kinds.index(_UNKNOWN)]
    core: Any
    if model.model_type == BPE:
        core = models.BPE(
            vocab={piece: i for i, piece in enumerate(model.pieces)},
            merges=merges_of_scores(model.pieces, model.scores),
            unk_token=unknown,
            fuse_unk=True,
            byte_fallback=model.byte_fallback,
        )
    else:
        core = models.Unigram(
            list(zip(model.pieces, model.scores, strict=True)),
            model.pieces.index(unknown) if unknown is not None else None,
            model.byte_fallback,
        )
    tokenizer = Tokenizer(core)
    steps: list[Any] = []
    if model.charsmap:
        steps.append(normalizers.Precompiled(model.charsmap))
    if model.removes_extra_spaces:
        from tokenizers import Regex

        ends, several = Regex(r"\A +| +\z"), Regex(" {2,}")
        steps += [normalizers.Replace(ends, ""), normalizers.Replace(several, " ")]
    if model.add_space_prefix:
        steps.append(normalizers.Prepend(_SPACE))
    steps.append(normalizers.Replace(" ", _SPACE))
    tokenizer.normalizer = steps[0] if len(steps) == 1 else normalizers.Sequence(steps)
    undo: list[Any] = [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    if model.add_space_prefix:
        undo.append(decoders.Strip(" ", 1, 0))
    tokenizer.decoder = decoders.Sequence(undo)
    return tokenizer


def add_whole_tokens(
    tokenizer: Tokenizer,
    tokens: Sequence[str],
    kinds: Sequence[int],
    eats_spaces: bool = False,
    eating_before: Collection[str] = (),
) -> None:
    """Tokens that are found in a text before anything else: `<|im_end|>`, and those of users.

    Args:
        tokenizer: that gets them.
        tokens: the vocabulary.
        kinds: of each, see `SentencePieceModel`.
        eats_spaces: whether they take the spaces behind them.
        eating_before: those that take the spaces before them.
    """
    from tokenizers import AddedToken

    def added(*wanted: int) -> list[AddedToken]:
        return [
            AddedToken(
                token,
                normalized=False,
                special=kind != _USER_DEFINED,
                rstrip=eats_spaces and token not in ("<unk>", "<s>", "<|endoftext|>"),
                lstrip=token in eating_before,
            )
            for token, kind in zip(tokens, kinds, strict=False)
            if kind in wanted and token
        ]

    tokenizer.add_special_tokens(added(_UNKNOWN, _CONTROL))
    tokenizer.add_tokens(added(_USER_DEFINED))


def add_ends(tokenizer: Tokenizer, before: str | None, after: str | None) -> None:
    """The tokens that are put before and after every text; none are put by None."""
    from tokenizers import processors

    pieces = [*([before] if before else []), "$A", *([after] if after else [])]
    if len(pieces) == 1:
        return
    second = [piece if piece == "$A" else f"{piece}:1" for piece in pieces]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=pieces,
        pair=[*pieces, *("$B:1" if piece == "$A" else piece for piece in second)],
        special_tokens=[(t, tokenizer.token_to_id(t)) for t in (before, after) if t],
    )


def merges_of_scores(tokens: Sequence[str], scores: Sequence[float]) -> list[tuple[str, str]]:
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
