"""Where a model's files come from: a folder or file, the demo, or a repository on the Hub."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from max.graph.weights import is_gguf
from max.pipelines.checkpoint.gguf.choice import (
    choose_model,
    files_in,
    group_parts,
    is_companion,
    parts_of,
)
from max.pipelines.checkpoint.hub import download_snapshot, list_files
from max.pipelines.checkpoint.weight_files import (
    INDEX_FILE,
    WHOLE_FILE,
    find_weight_files,
    shards_of_index,
)
from max.pipelines.modeling.config_enums import (
    SupportedEncoding,
    is_block_encoding,
    parse_supported_encoding_from_file_name,
)
from max.pipelines.modeling.errors import ModelSourceError

DEMO = "demo"
_REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)
_SMALL_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "*.tiktoken",
    "chat_template*",
    INDEX_FILE,
)


class ModelSource(Protocol):
    """Gives the files of one model as local paths."""

    def folder(self) -> Path:
        """The folder with config.json and the tokenizer; the weights need not be there."""
        ...

    def weight_files(
        self, names: Sequence[Path], requested: SupportedEncoding | None = None
    ) -> list[Path]:
        """The weight files: those named, here or inside the model, else all of the checkpoint.

        Args:
            names: `--weight-path`.
            requested: the encoding that is asked for, which chooses among several GGUF files.

        Raises:
            ConfigurationError: if there are only GGUF files, and none has that encoding.
            ModelSourceError: if one is missing or there are none.
        """
        ...

    def has_gguf(self) -> bool:
        """Whether there are GGUF files among the model's."""
        ...


@dataclass(frozen=True)
class LocalModel:
    """A model in a folder of this machine.

    Attributes:
        path: the folder.
        gguf: the file in it that is the model, when that is what was named.
    """

    path: Path
    gguf: Path | None = None

    def folder(self) -> Path:
        """The folder itself."""
        return self.path

    def weight_files(
        self, names: Sequence[Path], requested: SupportedEncoding | None = None
    ) -> list[Path]:
        """See `ModelSource.weight_files`."""
        if names:
            return _named_files(names, self.path)
        return parts_of(self.gguf) if self.gguf else find_weight_files(self.path, requested)

    def has_gguf(self) -> bool:
        """See `ModelSource.has_gguf`."""
        return self.gguf is not None or bool(group_parts(files_in(self.path)))


@dataclass(frozen=True)
class HubModel:
    """A repository on the Hub, downloaded in two steps: the small files, then the weights."""

    repo_id: str
    revision: str
    weight_revision: str
    with_code: bool = False
    force_download: bool = False

    def folder(self) -> Path:
        """The snapshot with configuration and tokenizer (and code, when that is trusted)."""
        patterns = (*_SMALL_FILES, "*.py") if self.with_code else _SMALL_FILES
        return download_snapshot(self.repo_id, self.revision, patterns, self.force_download)

    def weight_files(
        self, names: Sequence[Path], requested: SupportedEncoding | None = None
    ) -> list[Path]:
        """See `ModelSource.weight_files`; what is not local is taken from the repository.

        Which GGUF file has an encoding is told by the files' names, before any is downloaded.
        """
        if names and all(name.is_file() for name in names):
            return _named_files(names, Path())
        if names:
            folder = self._download([str(name) for name in names if not name.is_file()])
            return _named_files(names, folder)
        if gguf := self._choose_gguf(requested):
            return parts_of(self._download(gguf) / gguf[0])
        shards = shards_of_index(self._download(_SMALL_FILES)) or ["*.safetensors"]
        files = self._files()
        has_whole = WHOLE_FILE in files and WHOLE_FILE not in shards
        wanted = [WHOLE_FILE] if has_whole else shards
        return find_weight_files(self._download([INDEX_FILE, *wanted]))

    def has_gguf(self) -> bool:
        """See `ModelSource.has_gguf`."""
        return bool(group_parts(self._files()))

    def _choose_gguf(self, requested: SupportedEncoding | None) -> list[str]:
        """The parts of the GGUF model to download; none where safetensors files are meant."""
        names = self._files()
        has_safetensors = any(n.endswith(".safetensors") and "/" not in n for n in names)
        wants_blocks = requested is not None and is_block_encoding(requested)
        models = group_parts(names)
        if not models or (has_safetensors and not wants_blocks):
            return []
        encodings = {name: parse_supported_encoding_from_file_name(name) for name in models}
        if has_safetensors and requested not in encodings.values():
            return []
        return models[choose_model(encodings, requested, self.repo_id)]

    def _files(self) -> list[str]:
        return [n for n in list_files(self.repo_id, self.weight_revision) if n.count("/") < 2]

    def _download(self, patterns: Sequence[str]) -> Path:
        return download_snapshot(self.repo_id, self.weight_revision, patterns, self.force_download)


def is_repo_id(text: str) -> bool:
    """Whether the text has the form of a Hub repository id, `owner/name` or `name`."""
    return _REPO_ID.fullmatch(text) is not None and not text.endswith((".", "-"))


def find_model(
    model_path: str,
    *,
    revision: str = "main",
    weight_revision: str = "main",
    trust_remote_code: bool = False,
    force_download: bool = False,
) -> ModelSource:
    """Decides what `--model` names: the demo, a folder or GGUF file, else a repository id.

    A folder of the demo's name is given as `./demo`.

    Raises:
        ModelSourceError: if it can be none of them.
    """
    if not model_path:
        raise ModelSourceError(
            "no model given; --model takes a folder, a GGUF file, a Hugging Face repository id, "
            "or 'demo'"
        )
    if model_path == DEMO:
        from max.demo import model_path as demo_path

        return LocalModel(demo_path())
    path = Path(model_path).expanduser()
    if path.is_dir():
        return LocalModel(path.resolve(), _unnamed_gguf(path.resolve()))
    if path.is_file() and is_gguf(path):
        # A link has its own name and neighbours: the Hub's cache keeps files under their hashes.
        folder = path.parent.resolve()
        return LocalModel(folder, folder / path.name)
    if path.is_file():
        raise ModelSourceError(
            f"model_path '{model_path}' is a file; --model takes the folder with config.json or a "
            "GGUF file, --weight-path a weight file"
        )
    if not is_repo_id(model_path):
        raise ModelSourceError(
            f"model_path '{model_path}' does not exist ({path.absolute()}), "
            "and it is not a Hugging Face repository id (owner/name)"
        )
    return HubModel(model_path, revision, weight_revision, trust_remote_code, force_download)


def _unnamed_gguf(folder: Path) -> Path | None:
    """The GGUF file of a folder in which nothing is called weights: other programs' stores."""
    if group_parts(files_in(folder)) or any(folder.glob("*.safetensors")):
        return None
    found = [p for p in folder.iterdir() if not is_companion(p.name) and p.is_file() and is_gguf(p)]
    return found[0] if len(found) == 1 else None


def _named_files(names: Sequence[Path], folder: Path) -> list[Path]:
    """Each name as a path of its own, else inside the model's folder."""
    files = []
    for name in names:
        candidates = (name.expanduser(), folder / name)
        found = next((c for c in candidates if c.is_file()), None)
        if found is None:
            places = " and ".join(str(candidate.absolute()) for candidate in candidates)
            raise ModelSourceError(f"weight_path '{name}' does not exist; looked for {places}")
        files += parts_of(found) if is_gguf(found) else [found]
    return list(dict.fromkeys(files))
