"""Tests of `tools.ci.chromium`, with commands of their own for apt-get."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.ci import chromium

APT = """#!/bin/sh
echo "$@" >> {folder}/asked
{what}
"""


def make_program(path: Path, text: str = "#!/bin/sh\n") -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of programs; who runs is root."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return tmp_path


def test_program_that_is_there_is_left_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_program(folder / "chromium")
    make_program(folder / "apt-get", APT.format(folder=folder, what="exit 1"))

    assert chromium.main() == 0
    assert capsys.readouterr().out == f"chromium: {folder}/chromium\n"
    assert not (folder / "asked").exists()


def test_package_is_installed(folder: Path) -> None:
    what = f"printf '#!/bin/sh\\n' > {folder}/chromium; /bin/chmod +x {folder}/chromium"
    make_program(folder / "apt-get", APT.format(folder=folder, what=what))

    assert chromium.main() == 0
    asked = (folder / "asked").read_text().splitlines()
    assert asked == ["update", "install --yes --no-install-recommends chromium"]


def test_failure_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_program(folder / "apt-get", APT.format(folder=folder, what="exit 100"))

    assert chromium.main() == 1
    assert capsys.readouterr().out == "no chromium: `apt-get update` fails\n"


def test_package_without_the_program(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_program(folder / "apt-get", APT.format(folder=folder, what="exit 0"))

    assert chromium.main() == 1
    assert "brings no program" in capsys.readouterr().out


def test_others_than_root_cannot(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_program(folder / "apt-get")
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    assert chromium.main() == 1
    assert "only root" in capsys.readouterr().out


def test_systems_without_packages(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert chromium.main() == 1
    assert "no apt-get" in capsys.readouterr().out
