"""A tokenizer.json that says all, read without transformers, which loads slowly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import AddedToken, Tokenizer
    from transformers import PreTrainedTokenizerBase

# Of tokenizer_config.json: what `PlainTokenizer` heeds, and what changes no token and no text.
_TOKENS = ("bos_token", "eos_token", "unk_token", "pad_token")
_HEEDED = frozenset({*_TOKENS, "added_tokens_decoder", "chat_template", "model_max_length"})
_HARMLESS = frozenset(
    {
        "backend",
        "clean_up_tokenization_spaces",  # of decoding, which is always told not to
        "is_local",
        "model_input_names",
        "padding_side",
        "tokenizer_class",
    }
)
# Files beside them that transformers reads too.
_OTHERS = (
    "added_tokens.json",
    "additional_chat_templates",
    "chat_template.json",
    "special_tokens_map.json",
)
_NO_LIMIT = int(1e30)  # as transformers has it


class PlainTokenizer:
    """What serving needs of a tokenizer, on the `tokenizers` library alone; see `plain_tokenizer`.

    Whatever else is asked for, transformers' tokenizer of the same folder answers.

    Args:
        folder: of the model.
        declared: content of its tokenizer_config.json.
    """

    def __init__(self, folder: Path, declared: Mapping[str, Any]) -> None:
        from tokenizers import Tokenizer
        from tokenizers.processors import TemplateProcessing

        self._folder = folder
        self._declared = dict(declared)
        self.backend_tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        if self.backend_tokenizer.post_processor is None:
            # Nothing is added to a text; transformers says it in so many words.
            self.backend_tokenizer.post_processor = TemplateProcessing(
                single="$A:0", pair="$A:0 $B:1", special_tokens=[]
            )
        self.model_max_length = int(declared.get("model_max_length") or _NO_LIMIT)
        template = folder / "chat_template.jinja"
        self.chat_template: str | None = (
            template.read_text(encoding="utf-8")
            if template.is_file()
            else declared.get("chat_template")
        )

    @cached_property
    def _complete(self) -> PreTrainedTokenizerBase:
        from transformers import PreTrainedTokenizerFast

        complete: PreTrainedTokenizerBase = PreTrainedTokenizerFast.from_pretrained(self._folder)
        return complete

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._complete, name)

    def __len__(self) -> int:
        return self.backend_tokenizer.get_vocab_size(with_added_tokens=True)

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The tokens that are found in a text before anything else, by their ids."""
        return dict(sorted(self.backend_tokenizer.get_added_tokens_decoder().items()))

    @property
    def eos_token_id(self) -> int | None:
        """The token that ends a text."""
        text = self._declared.get("eos_token")
        return None if text is None else self.backend_tokenizer.token_to_id(text)

    def encode(self, text: str, *, add_special_tokens: bool = True, **_: object) -> list[int]:
        """The token ids of a text."""
        encoding = self.backend_tokenizer.encode(text, add_special_tokens=add_special_tokens)
        return list(encoding.ids)

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = False, **_: object) -> str:
        """The text of tokens, as they stand."""
        return self.backend_tokenizer.decode(ids, skip_special_tokens=skip_special_tokens)

    def convert_ids_to_tokens(self, ids: int | Sequence[int]) -> Any:
        """One token as the vocabulary writes it, or a list of them; None where there is none."""
        if isinstance(ids, int):
            return self.backend_tokenizer.id_to_token(ids)
        return [self.backend_tokenizer.id_to_token(int(i)) for i in ids]


def plain_tokenizer(folder: Path, declared: Mapping[str, Any]) -> PlainTokenizer | None:
    """The tokenizer, if tokenizer.json has all tokens and nothing beside it changes what it does.

    Anything else is for transformers to complete or to refuse.

    Args:
        folder: of the model; it has a tokenizer.json.
        declared: content of its tokenizer_config.json.
    """
    has_others = any((folder / name).exists() for name in _OTHERS)
    is_usual = (
        isinstance(declared.get("chat_template"), str | None)
        and isinstance(declared.get("model_max_length"), int | float | None)
        and isinstance(declared.get("added_tokens_decoder"), dict | None)
    )
    if has_others or not is_usual or declared.keys() - _HEEDED - _HARMLESS:
        return None
    tokenizer = PlainTokenizer(folder, declared)
    return tokenizer if _is_whole(tokenizer, declared) else None


def _is_whole(tokenizer: PlainTokenizer, declared: Mapping[str, Any]) -> bool:
    """Whether transformers would add nothing to what tokenizer.json has."""
    backend, added = tokenizer.backend_tokenizer, tokenizer.added_tokens_decoder
    # transformers adds the named tokens once more, so.
    special = {
        token.content
        for token in added.values()
        if token.special and not (token.normalized or token.lstrip or token.rstrip)
    }
    named = [declared[name] for name in _TOKENS if declared.get(name) is not None]
    repeated = declared.get("added_tokens_decoder") or {}
    return (
        backend.truncation is None
        and backend.padding is None
        and all(isinstance(token, str) and token in special for token in named)
        and all(
            id.isdecimal() and int(id) in added and _fields(added[int(id)]) == token
            for id, token in repeated.items()
        )
    )


def _fields(token: AddedToken) -> dict[str, Any]:
    """A token as tokenizer_config.json writes it."""
    names = ("content", "lstrip", "normalized", "rstrip", "single_word", "special")
    return {name: getattr(token, name) for name in names}
