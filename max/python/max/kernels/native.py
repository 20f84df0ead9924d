"""Loads the C++ kernels: from the library that Bazel built, else built here once and cached."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from max.driver.cache_folder import cache_root, only_ours_write, private_folder, scratch_folder
from max.kernels.isa import COMPILER_FLAGS, Isa, chosen_isa

logger = logging.getLogger("max.kernels")

_FOLDER = Path(__file__).parent
# A product and a sum are one rounding only where the source says so.
_FLAGS = (
    "-std=c++17",
    "-O3",
    "-ffp-contract=off",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-pthread",
)


@functools.cache
def load_kernel(op: str, isa: Isa | None = None) -> ctypes.CDLL | None:
    """The library of `<op>/cpu.cpp`, compiled for an instruction set.

    Bazel puts it beside this file. Without Bazel, and where $CXXFLAGS asks for other options, the
    C++ compiler ($CXX, or c++) builds it into the user's cache ($MODULAR_MAX_CACHE_DIR, or
    ~/.cache/max), which takes a few seconds, once.

    Args:
        op: name of the folder.
        isa: the best of this machine unless given (see `chosen_isa`).

    Returns:
        The library; None without a compiler, when the op's reference has to do.

    Raises:
        RuntimeError: if the compiler fails; with its output.
    """
    isa = isa or chosen_isa()
    built = _FOLDER / f"lib{op}_cpu.{isa}.so"
    wanted = tuple(shlex.split(os.environ.get("CXXFLAGS", "")))
    if built.exists() and not wanted:
        return ctypes.CDLL(str(built))
    compiler = shutil.which(os.environ.get("CXX") or "c++")
    if compiler is None:
        logger.warning("no C++ compiler: %s runs its slower reference; install g++ or set CXX", op)
        return None
    return ctypes.CDLL(str(build(_FOLDER / op / "cpu.cpp", compiler, COMPILER_FLAGS[isa] + wanted)))


def build(source: Path, compiler: str, flags: tuple[str, ...] = ()) -> Path:
    """Compiles a source file unless the cache has it; a line on stderr says so.

    What others could have written is not loaded, but built anew.

    Args:
        source: `<op>/cpu.cpp`.
        compiler: its path.
        flags: of the compiler, besides the usual ones.

    Raises:
        RuntimeError: if the compiler fails; with its output.
        CacheFolderError: if the cache cannot be written, or belongs to another user.
    """
    flags = (*_FLAGS, *flags)
    read = [source, *sorted((_FOLDER / "include").glob("*.h"))]
    content = b"".join(path.read_bytes() for path in read)
    digest = hashlib.sha256(f"{compiler}{flags}".encode() + content).hexdigest()[:16]
    library = private_folder(cache_root() / "kernels") / f"{source.parent.name}-{digest}.so"
    if not only_ours_write(library):
        print(f"building the CPU kernel {source.parent.name}, once: {library}", file=sys.stderr)
        with scratch_folder(library.parent) as scratch:
            fresh = scratch / library.name
            command = [compiler, *flags, str(source), "-o", str(fresh)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"building {source} failed: {' '.join(command)}\n{done.stderr}")
            fresh.chmod(0o755)  # whatever the umask: only its owner writes to it
            fresh.rename(library)  # atomic: another process may be building it too
    return library
