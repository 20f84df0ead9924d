"""Downloads from the Hugging Face Hub, with errors that say what to do."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

from max.pipelines.modeling.errors import ModelSourceError

_CACHE_NOT_WRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR})


def download_snapshot(
    repo_id: str, revision: str, patterns: Sequence[str], force_download: bool = False
) -> Path:
    """The folder of a repository's files that match, downloading what is not in the cache yet.

    Files of subfolders are left out. Progress bars go to stderr; a broken connection is resumed.
    The Hub's own environment variables hold: HF_HOME, HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE.

    Args:
        repo_id: `owner/name`.
        revision: branch, tag or commit.
        patterns: shell-style patterns of file names.
        force_download: download again what the cache has.

    Raises:
        ModelSourceError: repository or revision not found, gated, offline without a complete copy
            in the cache, no connection, or no disk space.
    """
    from httpx2 import HTTPError
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        folder = snapshot_download(
            repo_id,
            revision=revision,
            allow_patterns=list(patterns),
            ignore_patterns=["*/*"],
            force_download=force_download,
        )
    except (HTTPError, OSError, HFValidationError) as error:
        raise ModelSourceError(_explain(error, repo_id, revision)) from error
    return Path(folder)


def list_files(repo_id: str, revision: str) -> list[str]:
    """The names of a repository's files; those in the cache when the Hub cannot be asked.

    Raises:
        ModelSourceError: as `download_snapshot`.
    """
    from httpx2 import HTTPError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError

    try:
        return sorted(HfApi().list_repo_files(repo_id, revision=revision))
    except (HTTPError, OSError, HFValidationError):
        # One small file, or none if it has none: it finds the folder, or says what is wrong.
        folder = download_snapshot(repo_id, revision, ["config.json"])
        files = (path for path in folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(folder).as_posix() for path in files)


def _explain(error: Exception, repo_id: str, revision: str) -> str:
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    hub = constants.ENDPOINT
    if isinstance(error, GatedRepoError):
        return (
            f"the repository '{repo_id}' is gated: accept its conditions on {hub}/{repo_id}, "
            "then set HF_TOKEN to a token of your account"
        )
    if isinstance(error, RepositoryNotFoundError):
        return (
            f"there is no local folder '{repo_id}' and no repository of that name on {hub}; "
            "check the spelling, or set HF_TOKEN if it is private"
        )
    if isinstance(error, RevisionNotFoundError):
        return (
            f"the repository '{repo_id}' has no revision '{revision}'; "
            "--huggingface-model-revision and --huggingface-weight-revision choose it"
        )
    if isinstance(error, LocalEntryNotFoundError) and constants.HF_HUB_OFFLINE:
        return (
            f"HF_HUB_OFFLINE is set, and the cache {constants.HF_HUB_CACHE} has no complete copy "
            f"of '{repo_id}' at revision '{revision}'; unset it once to download the model"
        )
    if isinstance(error, HFValidationError):
        return f"'{repo_id}' is neither a local folder nor a valid repository id: {error}"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return (
            f"no disk space left in {constants.HF_HUB_CACHE} while downloading '{repo_id}'; "
            "free some, or set HF_HOME to another disk"
        )
    if isinstance(error, OSError) and error.errno in _CACHE_NOT_WRITABLE:
        return (
            f"cannot download '{repo_id}' into the cache {constants.HF_HUB_CACHE}: {error}; "
            "set HF_HOME to a folder that you may write"
        )
    reason = " ".join(str(error).split())
    return f"there is no local folder '{repo_id}', and downloading it from {hub} failed: {reason}"
