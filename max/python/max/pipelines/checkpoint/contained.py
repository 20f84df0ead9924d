"""Files of a model's folder are in it: a name in an index, or a link, leads nowhere else."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from max.pipelines.modeling.errors import ModelSourceError


def is_plain_name(name: object) -> bool:
    """Whether a name that a file gives is one of the same folder, or of one below."""
    if not isinstance(name, str) or not name or "\0" in name:
        return False
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def real_path(path: Path) -> Path:
    """Where a path leads; one whose links go in a circle leads to one of them, which is no file.

    Python's `Path.resolve` raises a RuntimeError there.
    """
    return Path(os.path.realpath(path))


def contained(folder: Path, path: Path) -> Path:
    """A text file of a model's folder.

    Its content may be shown to whoever asks the server, so it is the folder's own: a link to a file
    elsewhere is not followed, but for those to files of the Hub's cache (`models--*/blobs/`), of
    which its snapshots and older downloads consist.

    Args:
        folder: of the model.
        path: of a file in it.

    Raises:
        ModelSourceError: if it is a link to a file elsewhere.
    """
    target = real_path(path)
    is_cached = target.parent.name == "blobs" and target.parts[-3].startswith("models--")
    if os.path.exists(path) and not (is_cached or target.is_relative_to(real_path(folder))):
        raise ModelSourceError(
            f"{path} is a link to {target}, outside of the model's folder: copy the file there if "
            "you trust it"
        )
    return path
