"""Where a model's files come from: a folder, the demo, or a repository on the Hugging Face Hub."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from max.pipelines.config.checkpoint import INDEX_FILE, find_weight_files, shards_of_index
from max.pipelines.config.errors import ModelSourceError
from max.pipelines.config.hub import download_snapshot

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

    def weight_files(self, names: Sequence[Path]) -> list[Path]:
        """The weight files: those named, here or inside the model, else all of the checkpoint.

        Raises:
            ModelSourceError: if one is missing or there are none.
        """
        ...


@dataclass(frozen=True)
class LocalModel:
    """A model in a folder of this machine."""

    path: Path

    def folder(self) -> Path:
        """The folder itself."""
        return self.path

    def weight_files(self, names: Sequence[Path]) -> list[Path]:
        """See `ModelSource.weight_files`."""
        return _named_files(names, self.path) if names else find_weight_files(self.path)


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

    def weight_files(self, names: Sequence[Path]) -> list[Path]:
        """See `ModelSource.weight_files`; what is not local is taken from the repository."""
        if names and all(name.is_file() for name in names):
            return list(names)
        wanted = [str(name) for name in names if not name.is_file()]
        if not wanted:
            wanted = shards_of_index(self._download(_SMALL_FILES)) or ["*.safetensors"]
        folder = self._download([INDEX_FILE, *wanted])
        return _named_files(names, folder) if names else find_weight_files(folder)

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
    """Decides what `--model` names: the demo, an existing folder, else a repository id.

    A folder of the demo's name is given as `./demo`.

    Raises:
        ModelSourceError: if it can be none of them.
    """
    if not model_path:
        raise ModelSourceError(
            "no model given; --model takes a folder, a Hugging Face repository id, or 'demo'"
        )
    if model_path == DEMO:
        from max.demo import model_path as demo_path

        return LocalModel(demo_path())
    path = Path(model_path).expanduser()
    if path.is_dir():
        return LocalModel(path.resolve())
    if path.is_file():
        raise ModelSourceError(
            f"model_path '{model_path}' is a file; --model takes the folder with config.json, "
            "--weight-path a weight file"
        )
    if not is_repo_id(model_path):
        raise ModelSourceError(
            f"model_path '{model_path}' does not exist ({path.absolute()}), "
            "and it is not a Hugging Face repository id (owner/name)"
        )
    return HubModel(model_path, revision, weight_revision, trust_remote_code, force_download)


def _named_files(names: Sequence[Path], folder: Path) -> list[Path]:
    """Each name as a path of its own, else inside the model's folder."""
    files = []
    for name in names:
        candidates = (name.expanduser(), folder / name)
        found = next((c for c in candidates if c.is_file()), None)
        if found is None:
            places = " and ".join(str(candidate.absolute()) for candidate in candidates)
            raise ModelSourceError(f"weight_path '{name}' does not exist; looked for {places}")
        files.append(found)
    return files
