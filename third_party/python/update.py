"""Writes the hash-pinned requirement locks from requirements.in and requirements_dev.in.

`./bazelw run //third_party/python:update` (without Bazel, where uv is installed:
`python3 -m third_party.python.update`) resolves both together for CPython 3.11 and newer into

    requirements_cpu.lock        what runs, with torch's CPU wheels, the default
    requirements_cuda.lock       what runs, with torch as PyPI has it, its CUDA libraries and Triton
                                 (--config=cuda)
    requirements_dev_cpu.lock,   what tests and lint need besides
    requirements_dev_cuda.lock

and, each by itself, the client libraries of requirements_clients.in and
requirements_llama_index.in, which do not agree with one another, and requirements_browser.in.

Arguments are handed to uv: `-- --upgrade` takes the newest versions, `-- --upgrade-package ruff`
those of one package; without, what is pinned stays where it can.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.python.install_wheels import SDISTS

# A new torch version needs new values here: its CPU wheels are on PyTorch's own index
# (https://download.pytorch.org/whl/cpu/torch/), which gives each file's sha256, not on PyPI.
TORCH_VERSION = "2.13.0"
TORCH_CPU_REQUIRES = (
    "filelock",
    "fsspec>=0.8.5",
    "jinja2",
    "networkx>=2.5.1",
    "setuptools>=77.0.3",
    "sympy>=1.13.3",
    "typing-extensions>=4.10.0",
)
TORCH_CPU_SHA256 = {
    "cp311-manylinux_2_28_x86_64": (
        "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"
    ),
    "cp311-manylinux_2_28_aarch64": (
        "84453b69508ec79902f899c5ed9495acb9e2bbe9fda5f1d5d6f19e3c3842e1a7"
    ),
    "cp311-macosx_14_0_arm64": "e76f9bcecc52b8ff711239a2f7547d5353df95878ab232f0773c1d95928b92f8",
    "cp312-manylinux_2_28_x86_64": (
        "4ca4a9394b0c771238a4f73590fdbbc4debad85ed0fa63d026ae1b085da7d6e2"
    ),
    "cp312-manylinux_2_28_aarch64": (
        "6f307c2c32d764ffc6ff6893b801fad6d4752f3e67966cb8abf1843427c02604"
    ),
    "cp312-macosx_14_0_arm64": "2fe228aba290d14b9f31b049be550dbd469c3fd3013d7a19705b30454da97027",
}
FOLDER = Path("third_party/python")
INPUTS = ["requirements.in", "requirements_dev.in"]
APART = ("requirements_browser", "requirements_clients", "requirements_llama_index")


def compile_lock(
    lock: Path, sources: list[str], *, config: str = "", arguments: Sequence[str] = ()
) -> None:
    """Runs uv's resolver over requirement files, with the given uv configuration (TOML text)."""
    with tempfile.TemporaryDirectory() as scratch:
        config_file = Path(scratch) / "uv.toml"
        config_file.write_text(config)
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal"]
        command += ["--python-version=3.11", "--generate-hashes", "--only-binary=:all:"]
        command += [f"--no-binary={name}" for name in SDISTS]
        command += ["--custom-compile-command=./bazelw run //third_party/python:update"]
        command += ["--config-file", str(config_file), "--output-file", str(lock)]
        command += [*arguments, *(str(FOLDER / source) for source in sources)]
        subprocess.run(command, check=True)


def entries(lock: str) -> list[tuple[str, str]]:
    """Returns (distribution, text with hashes and comments) of a lock's entries.

    A distribution has several where Python versions need different ones.
    """
    texts = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)[1:]
    return [(re.split(r"[=\[ ]", text, maxsplit=1)[0], text) for text in texts]


def compile_pair(run: Path, dev: Path, *, config: str = "", arguments: Sequence[str] = ()) -> None:
    """Resolves both requirement files together, and parts what runs from the rest."""
    with tempfile.TemporaryDirectory() as scratch:
        together = Path(scratch) / "together.lock"
        together.write_text("".join(lock.read_text() for lock in (run, dev) if lock.exists()))
        compile_lock(together, INPUTS, config=config, arguments=arguments)
        compile_lock(run, INPUTS[:1], config=config, arguments=["--constraint", str(together)])
        text = together.read_text()
    running = {name for name, _ in entries(run.read_text())}
    header = text.partition("\n" + entries(text)[0][1])[0]
    # Both from one resolution: its conditions on platforms are those of whoever needs a package.
    for lock, runs in ((run, True), (dev, False)):
        kept = [entry for name, entry in entries(text) if (name in running) == runs]
        lock.write_text(f"{header}\n{''.join(kept)}")


def pin_torch_cpu(text: str) -> str:
    """Returns the lock with the hashes of torch's CPU wheels for torch."""
    hashes = sorted(TORCH_CPU_SHA256.values())
    entry = f"torch=={TORCH_VERSION} \\\n" + " \\\n".join(
        f"    --hash=sha256:{value}" for value in hashes
    )
    pattern = rf"^torch=={re.escape(TORCH_VERSION)} \\\n(?:    --hash=\S+(?: \\)?\n)+"
    text, count = re.subn(pattern, entry + "\n", text, flags=re.MULTILINE)
    if count != 1:
        raise SystemExit(
            f"expected one torch=={TORCH_VERSION} in the lock, found {count}: "
            "does requirements.in name the version of update.py?"
        )
    return text


def main(arguments: list[str]) -> None:
    """Writes the locks into the source tree."""
    os.chdir(os.environ.get("BUILD_WORKSPACE_DIRECTORY", Path(__file__).parents[2]))
    requires = ", ".join(f'"{requirement}"' for requirement in TORCH_CPU_REQUIRES)
    metadata = f'[[dependency-metadata]]\nname = "torch"\nversion = "{TORCH_VERSION}"\n'
    metadata += f"requires-dist = [{requires}]\n"
    cpu, dev_cpu, cuda, dev_cuda = (
        FOLDER / f"requirements_{name}.lock" for name in ("cpu", "dev_cpu", "cuda", "dev_cuda")
    )
    compile_pair(cpu, dev_cpu, config=metadata, arguments=arguments)
    # The second pair starts from the first: what both name has one version.
    first = ["--constraint", str(cpu), "--constraint", str(dev_cpu)]
    compile_pair(cuda, dev_cuda, arguments=[*first, *arguments])
    cpu.write_text(pin_torch_cpu(cpu.read_text()))
    locks = [cpu, dev_cpu, cuda, dev_cuda]
    for name in APART:
        locks.append(FOLDER / f"{name}.lock")
        compile_lock(locks[-1], [f"{name}.in"], arguments=arguments)
    for lock in locks:
        print(f"{lock}: {len(entries(lock.read_text()))} pins")


if __name__ == "__main__":
    main(sys.argv[1:])
