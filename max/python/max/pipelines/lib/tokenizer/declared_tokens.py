"""What a model's files say of its special tokens, beside tokenizer.json.

transformers writes them to tokenizer_config.json; before version 4.34 to special_tokens_map.json
and added_tokens.json too, which are read where the first has no `added_tokens_decoder`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from max.pipelines.checkpoint.hf_files import read_json_if_there

if TYPE_CHECKING:
    from tokenizers import AddedToken, Tokenizer

_NAMES = tuple(f"{name}_token" for name in ("bos", "eos", "unk", "sep", "pad", "cls", "mask"))
_LISTS = ("extra_special_tokens", "additional_special_tokens")


@dataclass(frozen=True)
class DeclaredTokens:
    """The tokens that the files beside tokenizer.json name.

    Attributes:
        named: such as `eos_token`; of some models also `image_token` and the like.
        extra: further special ones.
        by_id: those that have been added to the vocabulary.
    """

    named: Mapping[str, AddedToken | str]
    extra: tuple[AddedToken | str, ...]
    by_id: Mapping[int, AddedToken]

    def texts(self) -> dict[str, str]:
        """The named tokens as chat templates see them: `{"bos_token": "<s>", ...}`."""
        return {name: _text(token) for name, token in self.named.items()}

    def add_to(self, tokenizer: Tokenizer) -> None:
        """Adds what tokenizer.json does not have, or has with other properties."""
        from tokenizers import AddedToken

        present = tokenizer.get_added_tokens_decoder().values()
        same = {repr(token) for token in present}
        missing = [self.by_id[i] for i in sorted(self.by_id) if repr(self.by_id[i]) not in same]
        known = {token.content for token in [*present, *missing]}
        names = set(self.texts().values())
        for token in [*self.named.values(), *self.extra]:
            if _text(token) not in known:
                known.add(_text(token))
                missing.append(AddedToken(token, special=True) if isinstance(token, str) else token)
        for token in missing:
            token.special = token.special or token.content in names
        tokenizer.add_tokens(missing)


def read_declared_tokens(folder: Path, declared: Mapping[str, Any]) -> DeclaredTokens:
    """Reads them.

    Args:
        folder: of the model.
        declared: content of its tokenizer_config.json.

    Raises:
        ModelSourceError: if a file is malformed.
        TypeError: if a token is neither a text nor described as one.
    """
    by_id = _by_id(declared.get("added_tokens_decoder") or {})
    tokens = dict(declared)
    is_old = "added_tokens_decoder" not in declared
    if is_old:
        tokens |= read_json_if_there(folder / "special_tokens_map.json")
    listed: Any = next((tokens[name] for name in _LISTS if tokens.get(name)), [])
    if isinstance(listed, Mapping):
        tokens |= listed
        listed = []
    named = dict(_named(tokens))
    extra = tuple(_token_or_text(token) for token in listed)
    if is_old:
        special = {_text(token) for token in [*named.values(), *extra]}
        for text, i in read_json_if_there(folder / "added_tokens.json").items():
            flags = {"normalized": text not in special, "special": text in special}
            by_id[i] = _token({"content": text, **flags})
    of_text = {token.content: token for token in by_id.values()}
    named = {name: of_text.get(_text(token), token) for name, token in named.items()}
    return DeclaredTokens(named, extra, by_id)


def _by_id(tokens: Mapping[str, Mapping[str, Any]]) -> dict[int, AddedToken]:
    return {int(i): _token(token) for i, token in tokens.items()}


def _named(tokens: Mapping[str, Any]) -> Iterator[tuple[str, AddedToken | str]]:
    """The entries `*_token` that are tokens: `add_bos_token` is none."""
    others = [name for name in tokens if name.endswith("_token") and name not in _NAMES]
    for name in (*_NAMES, *others):
        if isinstance(tokens.get(name), str | Mapping):
            yield name, _token_or_text(tokens[name])


def _token_or_text(value: str | Mapping[str, Any]) -> AddedToken | str:
    return value if isinstance(value, str) else _token({"special": True, **value})


def _token(value: Mapping[str, Any]) -> AddedToken:
    from tokenizers import AddedToken

    fields = {name: each for name, each in value.items() if name not in ("__type", "id")}
    return AddedToken(**fields)


def _text(token: AddedToken | str) -> str:
    return token if isinstance(token, str) else str(token.content)
