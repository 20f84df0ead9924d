"""The files of Hugging Face that a GGUF model lacks, made from its metadata and kept in the cache.

So everything else reads config.json and tokenizer.json, wherever a model comes from, and the second
start does not convert the tokenizer again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from max.driver.cache_folder import cache_root, private_folder, scratch_folder
from max.graph.weights.headers.gguf import read_gguf_header
from max.pipelines.checkpoint.contained import contained
from max.pipelines.checkpoint.gguf.choice import parts_of, read_header
from max.pipelines.checkpoint.gguf.config import gguf_config, gguf_generation_config
from max.pipelines.checkpoint.gguf.pooling import sentence_files
from max.pipelines.checkpoint.gguf.tokenizer import has_tokenizer, write_tokenizer
from max.pipelines.checkpoint.hf_files import read_json

if TYPE_CHECKING:
    from max.graph.weights.headers.gguf import GGUFHeader

logger = logging.getLogger("max.pipelines")

# Changes whenever other files are made of the same metadata.
_FORMAT = "4"
_TOKENIZER_FILES = ("tokenizer.json", "*.model", "vocab.*", "*.tiktoken", "tekken.json")
_COPIED = ("*.json", "*.jinja", "*.txt", "*.py", *_TOKENIZER_FILES)
_LARGEST_COPY = 100_000_000


def is_complete(folder: Path) -> bool:
    """Whether a folder has a config.json that describes a model, and a tokenizer."""
    return _describes_a_model(_config_of(folder)) and _has_tokenizer_files(folder)


def completed_folder(folder: Path, gguf: Path) -> Path:
    """A folder in the cache with the model's small files; what `folder` has of them wins.

    Args:
        folder: the model's own.
        gguf: the first file of the weights.

    Raises:
        ModelSourceError: if the file cannot be read, its architecture or tokenizer is not known,
            or the cache cannot be written.
        CacheFolderError: if others could write to the cache.
    """
    header = read_header(gguf)
    copied = sorted({path for pattern in _COPIED for path in folder.glob(pattern)})
    # A copy would be the folder's own, whatever it is a link to.
    copied = [
        contained(folder, path)
        for path in copied
        if path.is_file() and path.stat().st_size < _LARGEST_COPY
    ]
    digest = hashlib.sha256(_FORMAT.encode())
    for part in parts_of(gguf):  # of the first one the metadata, of all what tensors there are
        with part.open("rb") as file:
            digest.update(file.read(read_gguf_header(part).data_start))
    for path in copied:
        digest.update(path.name.encode() + path.read_bytes())
    made = private_folder(cache_root() / "gguf") / f"{gguf.stem}-{digest.hexdigest()[:16]}"
    if not made.is_dir():
        with scratch_folder(made.parent) as scratch:
            fresh = scratch / "model"
            fresh.mkdir()
            for path in copied:
                shutil.copyfile(path, fresh / path.name)
            _complete(fresh, header, gguf)
            if not made.is_dir():  # another process may have been faster
                fresh.rename(made)
    return made


def _complete(folder: Path, header: GGUFHeader, gguf: Path) -> None:
    found = _config_of(folder)
    if not _describes_a_model(found):
        _write(folder / "config.json", {**found, **gguf_config(header, gguf)})
        logger.info("config.json made from the metadata of %s", gguf)
    generation = gguf_generation_config(header)
    if generation and not (folder / "generation_config.json").is_file():
        _write(folder / "generation_config.json", generation)
    if not (folder / "modules.json").is_file():
        for name, content in sentence_files(header, gguf).items():
            (folder / name).parent.mkdir(exist_ok=True)
            _write(folder / name, content)
    if not _has_tokenizer_files(folder) and has_tokenizer(header):
        write_tokenizer(header, folder, gguf)
        logger.info("tokenizer made from the metadata of %s", gguf)


def _config_of(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    return read_json(path) if path.is_file() else {}


def _describes_a_model(config: Mapping[str, Any]) -> bool:
    """Packagers put a stub beside GGUF files, which has a model type and nothing else."""
    return "architectures" in config


def _has_tokenizer_files(folder: Path) -> bool:
    return any(True for pattern in _TOKENIZER_FILES for _ in folder.glob(pattern))


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
