"""Writes the hash-pinned requirement locks from requirements.in.

`./bazelw run //third_party/python:update` (without Bazel, where uv is installed:
`python3 third_party/python/update.py`) resolves requirements.in for CPython 3.11 and newer into

    requirements_cpu.lock   torch's CPU wheels, the default
    requirements_cuda.lock  torch as PyPI has it, with its CUDA libraries and Triton (--config=cuda)

Arguments are handed to uv: `-- --upgrade` takes the newest versions, `-- --upgrade-package ruff`
those of one package; without, what is pinned stays where it can.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
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


def compile_lock(lock: Path, *, config: str, arguments: list[str]) -> None:
    """Runs uv's resolver with the given uv configuration (TOML text)."""
    with tempfile.TemporaryDirectory() as scratch:
        config_file = Path(scratch) / "uv.toml"
        config_file.write_text(config)
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal"]
        command += ["--python-version=3.11", "--generate-hashes", "--only-binary=:all:"]
        command += [f"--no-binary={name}" for name in SDISTS]
        command += ["--custom-compile-command=./bazelw run //third_party/python:update"]
        command += ["--config-file", str(config_file), "--output-file", str(lock)]
        subprocess.run([*command, *arguments, str(FOLDER / "requirements.in")], check=True)


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
    """Writes both locks into the source tree."""
    os.chdir(os.environ.get("BUILD_WORKSPACE_DIRECTORY", Path(__file__).parents[2]))
    requires = ", ".join(f'"{requirement}"' for requirement in TORCH_CPU_REQUIRES)
    metadata = f'[[dependency-metadata]]\nname = "torch"\nversion = "{TORCH_VERSION}"\n'
    metadata += f"requires-dist = [{requires}]\n"
    cpu = FOLDER / "requirements_cpu.lock"
    cuda = FOLDER / "requirements_cuda.lock"
    compile_lock(cpu, config=metadata, arguments=arguments)
    cpu.write_text(pin_torch_cpu(cpu.read_text()))
    # The second lock starts from the first: what both name has one version.
    compile_lock(cuda, config="", arguments=["--constraint", str(cpu), *arguments])
    for lock in (cpu, cuda):
        print(f"{lock}: {len(re.findall(r'^[a-z0-9-]+==', lock.read_text(), re.MULTILINE))} pins")


if __name__ == "__main__":
    main(sys.argv[1:])
