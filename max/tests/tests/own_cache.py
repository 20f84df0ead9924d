"""A cache folder of a test's own, where kernels need not be compiled again."""

from __future__ import annotations

from pathlib import Path

from max.driver.cache_folder import cache_root


def make_own_cache(folder: Path) -> Path:
    """Makes a folder for $MODULAR_MAX_CACHE_DIR, with the compiled kernels of the user's own.

    Args:
        folder: created; must not exist.

    Returns:
        The folder.
    """
    folder.mkdir()
    kernels = cache_root() / "kernels"
    kernels.mkdir(parents=True, exist_ok=True)
    (folder / "kernels").symlink_to(kernels)
    return folder
