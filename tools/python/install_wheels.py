"""Installs a hash-pinned requirements lock into a fresh venv, telling how far it is.

    install_wheels.py VENV LOCK [--index INDEX] [--base BASE]

BASE is the python.json of a repository whose packages these stand on: the venv sees them.
INDEX is a package index to ask besides those that pip is configured for; it is left out when
it does not answer, because pip would wait for it once per package. Standard library only: this
runs in Bazel's repository phase, before any package is there.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

# Free space that the wheels need while they are unpacked, with room for pip's own cache.
NEEDED_GB = {"requirements_cpu.lock": 3, "requirements_cuda.lock": 14}
_USUAL_GB = 2

# Packages that PyPI has no wheels of; lm_eval needs them. Pure Python: they build in a second.
SDISTS = ("rouge-score", "sqlitedict", "word2number")

# (what pip prints, what it means and what helps)
HINTS = (
    (r"No space left on device", "the disk is full: free some, or move Bazel's --output_user_root"),
    (
        r"(DO NOT MATCH THE HASHES[\s\S]*\btorch==\S+ from"
        r"|No matching distribution found for torch==)",
        "torch's CPU wheels come from https://download.pytorch.org/whl/cpu; that index was not "
        "reached, and pip knows no other one that has them for this Python and machine "
        "(--config=cuda takes PyPI's torch, with CUDA)",
    ),
    (
        r"DO NOT MATCH THE HASHES",
        "a package index serves other files than the lock names; is a mirror configured for pip?",
    ),
    (
        r"(Temporary failure in name resolution|NewConnectionError|Failed to establish a new"
        r"|ConnectTimeout|Network is unreachable|Could not fetch URL)",
        "no package index was reached: is there a network, and is pip's index or proxy configured "
        "(`pip config list`)?",
    ),
    (
        r"No matching distribution found",
        "no wheel for this Python and machine: Linux (x86_64, arm64) and macOS (arm64) with "
        "CPython 3.11 or 3.12 are supported",
    ),
)


def say(message: str) -> None:
    """Prints a line of progress."""
    print(f"wheels: {message}", file=sys.stderr, flush=True)


def fail(message: str) -> None:
    """Ends the installation with a message."""
    say(f"FAILED: {message}")
    sys.exit(1)


def answers(index: str) -> bool:
    """Tells whether a package index can be reached."""
    try:
        with urllib.request.urlopen(index.rstrip("/") + "/torch/", timeout=10) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError) as error:
        say(f"{index} does not answer ({error}); using pip's configured indexes alone")
        return False


def make_venv(venv: Path) -> list[str]:
    """Makes the venv and returns the pip command that installs into it."""
    command = [sys.executable, "-I", "-m", "venv", "--symlinks"]
    python = str(venv / "bin" / "python3")
    with_pip = subprocess.run([*command, str(venv)], capture_output=True, text=True, check=False)
    if with_pip.returncode == 0:
        return [python, "-m", "pip"]
    # Debian splits ensurepip off; an installed pip can fill another interpreter's venv.
    shutil.rmtree(venv, ignore_errors=True)
    subprocess.run([*command, "--without-pip", str(venv)], check=True)
    pip = [sys.executable, "-m", "pip", "--python", python]
    if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode != 0:
        fail(
            f"{sys.executable} has neither ensurepip nor pip "
            "(Debian, Ubuntu: apt-get install python3-venv)\n" + with_pip.stdout + with_pip.stderr
        )
    return pip


def install(pip: list[str], lock: Path, index: str | None) -> None:
    """Runs pip, printing one line for each package instead of pip's own output."""
    pins = re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text(), flags=re.MULTILINE)
    total = len(pins)
    command = [*pip, "install", "--no-input", "--disable-pip-version-check", "--progress-bar=off"]
    command += ["--no-deps", "--require-hashes", "--no-warn-script-location"]
    command += ["--only-binary=:all:", f"--no-binary={','.join(SDISTS)}"]
    command += ["--root-user-action=ignore", "--no-compile"]
    command += [f"--extra-index-url={index}"] if index else []
    command += ["--requirement", str(lock)]
    say(f"installing the {total} packages of {lock.name}")
    log: list[str] = []
    number = 0
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            log.append(line)
            if match := re.match(r"(?:Collecting|Processing) (\S+)", line):
                number += 1
                say(f"[{number}/{total}] {match[1].rpartition('/')[2]}")
            elif line.startswith("Ignoring "):  # a pin for another platform
                number += 1
            elif match := re.match(r"\s*Downloading (\S+).*\((\d+\.\d+ [GM]B)\)", line):
                say(f"    downloading {match[2]}")
            elif line.startswith("Installing collected packages"):
                say("unpacking")
    if process.returncode != 0:
        text = "".join(log)
        hint = next((hint for pattern, hint in HINTS if re.search(pattern, text)), "")
        fail("pip said:\n" + "".join(log[-25:]) + ("\nProbably: " + hint if hint else ""))


def stand_on(venv: Path, base: Path) -> None:
    """Lets a venv see the packages of another one, setuptools too, which Python 3.11 gives it."""
    for own in venv.glob("lib/python*/site-packages/setuptools*"):
        shutil.rmtree(own)
    (site,) = venv.glob("lib/python*/site-packages")
    (site / "base.pth").write_text(json.loads(base.read_text())["site"] + "\n")


def main(venv: Path, lock: Path, index: str | None = None, base: Path | None = None) -> None:
    """Makes the venv, fills it and checks it."""
    free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    needed_gb = NEEDED_GB.get(lock.name, _USUAL_GB)
    if free_gb < needed_gb:
        fail(
            f"{lock.name} needs about {needed_gb} GB of disk, {free_gb:.1f} GB are free at "
            f"{Path.cwd()}; free some, or move Bazel's --output_user_root"
        )
    pip = make_venv(venv)
    if base:
        stand_on(venv, base)
    install(pip, lock, index if index and answers(index) else None)
    say("compiling to bytecode")
    python = str(venv / "bin" / "python3")
    subprocess.run(
        [python, "-m", "compileall", "-q", "-q", "-j", "0", str(venv / "lib")], check=False
    )
    subprocess.run([*pip, "check", "--disable-pip-version-check"], stdout=sys.stderr, check=True)
    say("done")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("venv", type=Path)
    parser.add_argument("lock", type=Path)
    parser.add_argument("--index")
    parser.add_argument("--base", type=Path)
    main(**vars(parser.parse_args()))
