"""Loads the C++ kernels: from the library that Bazel built, else built here once and cached."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

logger = logging.getLogger("max.kernels")

_FOLDER = Path(__file__).parent
_FLAGS = ("-std=c++17", "-O3", "-fPIC", "-shared", "-fvisibility=hidden", "-pthread")


@functools.cache
def load_kernel(op: str) -> ctypes.CDLL | None:
    """The library of `<op>/cpu.cpp`.

    Bazel puts it beside this file. Without Bazel the C++ compiler ($CXX, or c++) builds it into the
    user's cache ($MODULAR_MAX_CACHE_DIR, or ~/.cache/max), which takes about a second, once.

    Returns:
        The library; None without a compiler, when the op's reference has to do.

    Raises:
        RuntimeError: if the compiler fails; with its output.
    """
    built = _FOLDER / f"lib{op}_cpu.so"
    if built.exists():
        return ctypes.CDLL(str(built))
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    if compiler is None:
        logger.warning("no C++ compiler: %s runs its slower reference; install g++ or set CXX", op)
        return None
    return ctypes.CDLL(str(_build(_FOLDER / op / "cpu.cpp", compiler)))


def _build(source: Path, compiler: str) -> Path:
    """Compiles a source file unless the cache has it."""
    root = Path(os.environ.get("MODULAR_MAX_CACHE_DIR") or Path.home() / ".cache" / "max")
    read = [source, *sorted((_FOLDER / "include").glob("*.h"))]
    content = b"".join(path.read_bytes() for path in read)
    digest = hashlib.sha256(f"{compiler}{_FLAGS}".encode() + content).hexdigest()[:16]
    library = root / "kernels" / f"{source.parent.name}-{digest}.so"
    if not library.exists():
        library.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=library.parent) as scratch:
            fresh = Path(scratch) / library.name
            command = [compiler, *_FLAGS, str(source), "-o", str(fresh)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"building {source} failed: {' '.join(command)}\n{done.stderr}")
            fresh.rename(library)  # atomic: another process may be building it too
    return library
