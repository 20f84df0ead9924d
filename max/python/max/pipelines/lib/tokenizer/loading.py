"""Loading a model's tokenizer, with errors that say what to do."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, cast

from max.pipelines.checkpoint.contained import contained
from max.pipelines.checkpoint.hf_files import read_json_if_there
from max.pipelines.lib.tokenizer.plain_tokenizer import PlainTokenizer, has_plain_files
from max.pipelines.modeling.errors import ModelSourceError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger("max.pipelines")

# What a tokenizer is made of; its tokens and templates are shown to whoever asks the server.
_READ = ("*.json", "*.txt", "*.model", "*.tiktoken", "*.jinja", "additional_chat_templates/*.jinja")


def load_delegate(folder: Path, *, trust_remote_code: bool) -> PreTrainedTokenizerBase:
    """The Hugging Face tokenizer of a model's folder; without transformers where that is enough.

    Args:
        folder: The model's local folder.
        trust_remote_code: Whether tokenizer code from that folder may be run.

    Raises:
        ModelSourceError: If the folder has no tokenizer, if it is damaged, or if it needs code
            from the folder and `trust_remote_code` is off.
    """
    custom_class = _custom_class(folder)
    if custom_class and not trust_remote_code:
        raise ModelSourceError(
            f"the model in {folder} brings its own tokenizer code ({custom_class}), which is not "
            "run unless you trust it: read it, then pass --trust-remote-code"
        )
    for path in (found for pattern in _READ for found in folder.glob(pattern)):
        contained(folder, path)
    has_plain = has_plain_files(folder) and not custom_class
    try:
        delegate: PreTrainedTokenizerBase = (
            cast("PreTrainedTokenizerBase", PlainTokenizer(folder))  # answers as one
            if has_plain
            else _by_transformers(folder, trust_remote_code)
        )
        if has_plain:
            delegate.encode("x")  # what is wrong with its last steps is seen at the first text
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        # The tokenizer may be code of the model's own, so any error can come from here; that of a
        # native library that panics is no `Exception`.
        raise ModelSourceError(_explain(folder, error)) from error
    if len(delegate) <= len(delegate.added_tokens_decoder):
        raise ModelSourceError(_explain(folder, None))
    return delegate


def _by_transformers(folder: Path, trust_remote_code: bool) -> PreTrainedTokenizerBase:
    """A tokenizer of another form, which only transformers reads."""
    logger.debug("transformers is imported for the tokenizer in %s", folder)
    from transformers import AutoTokenizer

    delegate: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
        folder, trust_remote_code=trust_remote_code
    )
    return delegate


def _custom_class(folder: Path) -> str | None:
    """The class that the folder's own code must provide, when transformers has no other."""
    entry = read_json_if_there(folder / "tokenizer_config.json").get("auto_map", {})
    names = entry.get("AutoTokenizer") if isinstance(entry, dict) else entry
    if not names:
        return None
    if not isinstance(names, str | list):
        path = folder / "tokenizer_config.json"
        raise ModelSourceError(f"{path} has auto_map={entry!r:.200}, which names no class")
    return str(names if isinstance(names, str) else next((n for n in names if n), "")) or None


def _explain(folder: Path, error: BaseException | None) -> str:
    expected = "tokenizer.json, or tokenizer.model, or tekken.json, or vocab.json with merges.txt"
    vocabularies = [
        path.name
        for pattern in ("tokenizer.json", "*.model", "vocab.*", "*.tiktoken", "tekken.json")
        for path in sorted(folder.glob(pattern))
    ]
    if vocabularies:
        cause = f": {error}" if error else ": its vocabulary is empty"
        return f"cannot read the tokenizer in {folder} ({', '.join(vocabularies)}){cause}"
    present = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
    return (
        f"the model in {folder} has no tokenizer: expected {expected}, found {present}; "
        "copy the tokenizer's files of the original model there"
    )
