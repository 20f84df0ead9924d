"""The messages with which the installation of the wheels fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools.python import install_wheels

PINNED = "torch==2.13.0 \\\n    --hash=sha256:00\n"


def fake_pip(folder: Path, output: str, code: int) -> list[str]:
    """Returns a command that prints what pip would print."""
    script = folder / "pip.py"
    script.write_text(f"print({output!r})\nraise SystemExit({code})\n")
    return [sys.executable, str(script)]


def make_lock(folder: Path, text: str = PINNED) -> Path:
    lock = folder / "requirements_cpu.lock"
    lock.write_text(text)
    return lock


@pytest.mark.parametrize(
    ("output", "hint"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("Temporary failure in name resolution", "is there a network"),
        (
            "No matching distribution found for torch==2.13.0",
            "https://download.pytorch.org/whl/cpu",
        ),
        (
            "PACKAGES DO NOT MATCH THE HASHES\n    torch==2.13.0 from https://x/y.whl",
            "https://download.pytorch.org/whl/cpu",
        ),
        ("PACKAGES DO NOT MATCH THE HASHES\n    numpy==1 from x", "is a mirror configured"),
        ("No matching distribution found for uvloop==0.23.0", "CPython 3.11 or 3.12"),
    ],
)
def test_a_failed_installation_says_what_helps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str, hint: str
) -> None:
    with pytest.raises(SystemExit) as exit_info:
        install_wheels.install(fake_pip(tmp_path, output, 1), make_lock(tmp_path), None)
    assert exit_info.value.code == 1
    message = capsys.readouterr().err
    assert output in message
    assert hint in message.split("Probably: ")[1]


def test_progress_counts_every_pin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = make_lock(tmp_path, "click==8.5.1\ncolorama==0.4.6 ; x\ntorch==2.13.0\n")
    output = "Ignoring colorama: markers do not match\nCollecting click==8.5.1 (from -r x)\n"
    output += "Processing /wheels/torch-2.13.0-cp311.whl (from -r x)\n"
    install_wheels.install(fake_pip(tmp_path, output, 0), lock, None)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-2:] == ["wheels: [2/3] click==8.5.1", "wheels: [3/3] torch-2.13.0-cp311.whl"]


def test_too_little_disk_is_said_before_anything_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(install_wheels.NEEDED_GB, "requirements_cpu.lock", 10**9)
    with pytest.raises(SystemExit):
        install_wheels.main(tmp_path / "venv", make_lock(tmp_path))
    assert "needs about 1000000000 GB of disk" in capsys.readouterr().err
    assert not (tmp_path / "venv").exists()


def test_an_index_that_does_not_answer_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    # Port 9 (discard) of this machine: nothing listens there.
    assert not install_wheels.answers("http://127.0.0.1:9/simple")
    assert "does not answer" in capsys.readouterr().err


def test_a_python_without_ensurepip_uses_its_own_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = subprocess.run

    def without_ensurepip(command: list[str], **options: bool) -> subprocess.CompletedProcess[str]:
        if "venv" in command and "--without-pip" not in command:
            return subprocess.CompletedProcess(command, 1, "", "ensurepip is not available")
        if "--version" in command:
            return subprocess.CompletedProcess(command, 0, "pip 24", "")
        return run(command, text=True, check=options.get("check", False))

    monkeypatch.setattr(subprocess, "run", without_ensurepip)
    python = tmp_path / "venv" / "bin" / "python3"
    pip = install_wheels.make_venv(tmp_path / "venv")
    assert pip == [sys.executable, "-m", "pip", "--python", str(python)]
    assert python.exists()


def test_the_venv_gets_a_pip_that_installs_into_it(tmp_path: Path) -> None:
    pip = install_wheels.make_venv(tmp_path / "venv")
    shown = subprocess.run([*pip, "--version"], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("pip ")


def test_a_venv_sees_the_packages_that_it_stands_on(tmp_path: Path) -> None:
    below = tmp_path / "below"
    below.mkdir()
    (below / "lower.py").write_text("VALUE = 3\n")
    (tmp_path / "python.json").write_text(json.dumps({"site": str(below)}))
    install_wheels.make_venv(tmp_path / "venv")
    install_wheels.stand_on(tmp_path / "venv", tmp_path / "python.json")
    python = tmp_path / "venv" / "bin" / "python3"
    command = [str(python), "-I", "-c", "import lower; print(lower.VALUE)"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "3\n"
