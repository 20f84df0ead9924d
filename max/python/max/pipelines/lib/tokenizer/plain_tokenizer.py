"""A model's tokenizer.json, read without transformers, which loads slowly."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from max.pipelines.checkpoint.contained import contained
from max.pipelines.checkpoint.hf_files import read_json_if_there
from max.pipelines.checkpoint.sentence_piece.model_file import read_model_file
from max.pipelines.checkpoint.sentence_piece.tokenizer import (
    add_ends,
    add_whole_tokens,
    make_tokenizer,
)
from max.pipelines.lib.tokenizer.declared_tokens import read_declared_tokens
from max.pipelines.modeling.errors import ModelSourceError

if TYPE_CHECKING:
    from tokenizers import AddedToken, Tokenizer
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger("max.pipelines")

_MANY = 2000
_NO_LIMIT = int(1e30)  # as transformers has it
_MODEL_FILE = "tokenizer.model"  # SentencePiece's
_SENTENCE_PIECE_TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


class PlainTokenizer:
    """What serving needs of a tokenizer, on the `tokenizers` library alone.

    tokenizer.json says how text is cut and put together, or SentencePiece's tokenizer.model where
    there is none; what is beside it adds tokens, names them and has chat templates. The class that
    tokenizer_config.json names changes nothing of it, and nothing is cleaned up in decoded text:
    what the model writes is what is given.

    Whatever else is asked for, transformers' tokenizer of the same folder answers.

    Args:
        folder: of the model.

    Attributes:
        backend_tokenizer: the `tokenizers.Tokenizer`.
        chat_template: the text of the model's chat template, or several by their names; None
            without one.
        model_max_length: most tokens that the tokenizer's makers meant it for.
        special_tokens_map: texts of tokens by their names, such as `eos_token`.

    Raises:
        ModelSourceError: if a file is malformed.
    """

    def __init__(self, folder: Path) -> None:
        from tokenizers.processors import TemplateProcessing

        self._folder = folder
        declared = read_json_if_there(folder / "tokenizer_config.json")
        if not (folder / "tokenizer.json").is_file():
            declared = {**_SENTENCE_PIECE_TOKENS, **declared}
        self.backend_tokenizer = _read_tokenizer(folder, declared)
        if padding := self.backend_tokenizer.padding:
            declared = {"pad_token": padding["pad_token"], **declared}
        # A prompt is never cut or filled up: it is served as it is, or refused.
        self.backend_tokenizer.no_truncation()
        self.backend_tokenizer.no_padding()
        if self.backend_tokenizer.post_processor is None:
            # Nothing is added to a text; transformers says it in so many words.
            self.backend_tokenizer.post_processor = TemplateProcessing(
                single="$A:0", pair="$A:0 $B:1", special_tokens=[]
            )
        self.backend_tokenizer.encode_special_tokens = bool(declared.get("split_special_tokens"))
        tokens = read_declared_tokens(folder, declared)
        tokens.add_to(self.backend_tokenizer)
        self.special_tokens_map = tokens.texts()
        self.model_max_length = int(declared.get("model_max_length") or _NO_LIMIT)
        self.chat_template = read_chat_template(folder, declared)

    @cached_property
    def _complete(self) -> PreTrainedTokenizerBase:
        from transformers import PreTrainedTokenizerFast

        complete: PreTrainedTokenizerBase = PreTrainedTokenizerFast.from_pretrained(self._folder)
        return complete

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        logger.debug("transformers is imported for the tokenizer's attribute '%s'", name)
        return getattr(self._complete, name)

    def __len__(self) -> int:
        return self.backend_tokenizer.get_vocab_size(with_added_tokens=True)

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The tokens that are found in a text before anything else, by their ids."""
        return dict(sorted(self.backend_tokenizer.get_added_tokens_decoder().items()))

    @property
    def bos_token_id(self) -> int | None:
        """The token that begins a text."""
        return self._id_of("bos_token")

    @property
    def eos_token_id(self) -> int | None:
        """The token that ends a text."""
        return self._id_of("eos_token")

    def encode(self, text: str, *, add_special_tokens: bool = True, **_: object) -> list[int]:
        """The token ids of a text."""
        backend = self.backend_tokenizer
        if len(text) < _MANY:
            return list(backend.encode(text, add_special_tokens=add_special_tokens).ids)
        # Of many texts, since that holds no lock of Python's meanwhile.
        (encoding,) = backend.encode_batch_fast([text], add_special_tokens=add_special_tokens)
        return list(encoding.ids)

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = False, **_: object) -> str:
        """The text of tokens, as they stand."""
        if len(ids) < _MANY:
            return self.backend_tokenizer.decode(ids, skip_special_tokens=skip_special_tokens)
        # Of many texts, since that holds no lock of Python's meanwhile.
        (text,) = self.backend_tokenizer.decode_batch(
            [ids], skip_special_tokens=skip_special_tokens
        )
        return str(text)

    def convert_ids_to_tokens(self, ids: int | Sequence[int]) -> Any:
        """One token as the vocabulary writes it, or a list of them; None where there is none."""
        if isinstance(ids, int):
            return self.backend_tokenizer.id_to_token(ids)
        return [self.backend_tokenizer.id_to_token(int(i)) for i in ids]

    def _id_of(self, name: str) -> int | None:
        text = self.special_tokens_map.get(name)
        return None if text is None else self.backend_tokenizer.token_to_id(text)


def has_plain_files(folder: Path) -> bool:
    """Whether a folder has the files of a `PlainTokenizer`."""
    is_sentence_piece = (folder / _MODEL_FILE).is_file() and not (folder / "vocab.json").is_file()
    return (folder / "tokenizer.json").is_file() or is_sentence_piece


def _read_tokenizer(folder: Path, declared: Mapping[str, Any]) -> Tokenizer:
    from tokenizers import Tokenizer

    if (folder / "tokenizer.json").is_file():
        whole: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        return whole
    model = read_model_file(folder / _MODEL_FILE)
    tokenizer = make_tokenizer(model)
    add_whole_tokens(tokenizer, model.pieces, model.kinds)
    tokens = read_declared_tokens(folder, declared).texts()
    # As transformers' classes of such models have it: a beginning, unless they say otherwise.
    before = tokens.get("bos_token") if declared.get("add_bos_token", True) else None
    after = tokens.get("eos_token") if declared.get("add_eos_token", False) else None
    add_ends(tokenizer, before, after)
    return tokenizer


def read_chat_template(folder: Path, declared: Mapping[str, Any]) -> str | dict[str, str] | None:
    """The chat template of a model, or several by name; files win over tokenizer_config.json.

    Args:
        folder: of the model.
        declared: content of its tokenizer_config.json.

    Raises:
        ModelSourceError: if tokenizer_config.json has something else where the template should be.
    """
    files = {"default": folder / "chat_template.jinja"}
    files |= {path.stem: path for path in sorted(folder.glob("additional_chat_templates/*.jinja"))}
    templates: dict[str, str] = {
        name: contained(folder, path).read_text(encoding="utf-8")
        for name, path in files.items()
        if path.is_file()
    }
    if not templates:
        given = declared.get("chat_template")
        if given is None or isinstance(given, str):
            return given
        try:
            templates = {str(each["name"]): str(each["template"]) for each in given}
        except (TypeError, KeyError) as error:
            raise ModelSourceError(
                f"{folder / 'tokenizer_config.json'}: chat_template should be a text, or a list of "
                f'{{"name": ..., "template": ...}}, got {given!r:.200}'
            ) from error
    return templates["default"] if list(templates) == ["default"] else templates
