"""Tests of `max.serve.endpoint_folder`."""

from __future__ import annotations

from pathlib import Path

import pytest

from max.serve.endpoint_folder import EndpointFolder


def test_folder_is_private_and_goes_away() -> None:
    folder = EndpointFolder()

    assert folder.path.stat().st_mode & 0o077 == 0
    folder.close()
    assert not folder.path.exists()


def test_long_temporary_folder_is_avoided(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # A unix socket's path has at most 107 bytes.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("x" * 100)))

    folder = EndpointFolder()
    try:
        assert len(folder.endpoints.commands.removeprefix("ipc://")) < 107
    finally:
        folder.close()


def test_folders_of_killed_servers_are_removed(tmp_path: Path) -> None:
    monkey = pytest.MonkeyPatch()
    monkey.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    try:
        killed, living = EndpointFolder(), EndpointFolder()
        killed._lock.close()  # As the system does when a process ends.
        other = tmp_path / "max-serve-of-somebody"
        other.mkdir()

        new = EndpointFolder()

        assert not killed.path.exists()
        assert living.path.exists() and new.path.exists() and other.exists()
        living.close()
        new.close()
        assert sorted(tmp_path.iterdir()) == [other]
    finally:
        monkey.undo()
