"""The folder of a PEFT adapter. Importing this does not import torch."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from max.demo import adapter_path
from max.pipelines.checkpoint.contained import contained, real_path
from max.pipelines.lora.errors import AdapterError, AdapterPathError
from max.pipelines.lora.peft_config import CONFIG_NAME, PeftConfig
from max.pipelines.modeling.errors import ModelSourceError

WEIGHTS_NAME = "adapter_model.safetensors"
_PICKLE_NAME = "adapter_model.bin"
# Far more than any has: all of it is read to tell it from others.
_MOST_BYTES = 32 << 30


def adapter_folder(path: str, root: Path | None) -> Path:
    """The folder of an adapter.

    Args:
        path: as the user gave it; "demo" is that of the demo model.
        root: where adapters may be read from; None for anywhere.

    Raises:
        AdapterPathError: if there is none, or it is outside of the root.
    """
    try:
        folder = Path(path).expanduser()
        is_outside = root is not None and not real_path(folder).is_relative_to(real_path(root))
        is_folder = folder.is_dir()
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: "~who" is nobody's home
        raise AdapterPathError(f"'{path}' is no path of a folder: {error}") from error
    if path == "demo" and not os.path.exists(folder):
        return adapter_path()
    if is_outside:
        raise AdapterPathError(f"'{path}' is not below {root}, which --lora-root allows alone")
    if not is_folder:
        raise AdapterPathError(
            f"'{path}' is no folder here: adapters are local folders as PEFT's save_pretrained "
            "writes them"
        )
    return folder


def weights_path(folder: Path) -> Path:
    """The file of an adapter's tensors.

    Raises:
        AdapterError: if there is none that is safe to read.
    """
    try:
        path = contained(folder, folder / WEIGHTS_NAME)
    except ModelSourceError as error:
        raise AdapterError(str(error)) from error
    if os.path.isfile(path):
        if (size := path.stat().st_size) > _MOST_BYTES:
            raise AdapterError(f"{path} has {size} bytes, more than {_MOST_BYTES >> 30} GiB")
        return path
    if os.path.exists(folder / _PICKLE_NAME):
        raise AdapterError(
            f"{folder} has {_PICKLE_NAME}, a pickle, which can run code when it is read: save the "
            "adapter with save_pretrained(..., safe_serialization=True)"
        )
    raise AdapterError(f"there is no {WEIGHTS_NAME} in {folder}")


def digest_of(folder: Path) -> str:
    """What tells an adapter from all others: SHA-256 of its two files.

    Raises:
        AdapterError: if one of them cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for path in (folder / CONFIG_NAME, weights_path(folder)):
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise AdapterError(f"cannot read {error.filename}: {error.strerror}") from error
    return digest.hexdigest()


def check_adapter(folder: Path) -> str:
    """Looks at an adapter's files as far as that needs no model; gives their digest.

    Raises:
        AdapterError: if something is wrong with them.
    """
    from max.graph.weights.headers.errors import WeightsFileError
    from max.graph.weights.headers.safetensors import read_safetensors_header

    PeftConfig.read(folder)
    try:
        read_safetensors_header(weights_path(folder))
    except WeightsFileError as error:
        raise AdapterError(str(error)) from error
    return digest_of(folder)
