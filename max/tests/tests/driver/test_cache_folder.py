"""Tests of `max.driver.cache_folder`: what others could have written is not believed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from max.driver.cache_folder import (
    CacheFolderError,
    only_ours_write,
    private_folder,
    scratch_folder,
)


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def no_umask() -> object:
    before = os.umask(0)
    yield
    os.umask(before)


def test_folders_are_their_user_s_alone(tmp_path: Path, no_umask: object) -> None:
    folder = private_folder(tmp_path / "a" / "b")
    with scratch_folder(tmp_path / "c" / "d") as scratch:
        made = [folder, folder.parent, scratch, scratch.parent, scratch.parent.parent]
        assert [mode_of(each) for each in made] == [0o700] * 5
    assert not scratch.exists()


def test_folder_that_was_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(0o777)
    assert mode_of(private_folder(tmp_path / "a")) == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o702])
def test_folders_below_one_that_others_write_to_are_not_believed(tmp_path: Path, mode: int) -> None:
    """They could put another one in its place."""
    folder = private_folder(tmp_path / "shared" / "kernels")
    (file := folder / "file").touch(0o600)
    assert only_ours_write(file)

    folder.parent.chmod(mode)

    assert not only_ours_write(file)
    with pytest.raises(CacheFolderError, match=f"may write to {folder.parent}.*chmod go-w"):
        private_folder(folder)


def test_everybody_has_their_own_in_a_sticky_folder(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "shared" / "kernels")
    folder.parent.chmod(0o1777)
    assert private_folder(folder) == folder


def test_link_leads_to_what_is_believed_and_lies_where_it_is(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "own" / "kernels")
    (folder / "file").touch(0o600)
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "link").symlink_to(folder)
    assert only_ours_write(tmp_path / "open" / "link" / "file")

    (tmp_path / "open").chmod(0o777)

    assert not only_ours_write(tmp_path / "open" / "link" / "file")
    assert only_ours_write(folder / "file")


@pytest.mark.parametrize(("group", "believed"), [(4321, True), (0, True), (100, False)])
def test_group_of_one_is_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: int, believed: bool
) -> None:
    folder = private_folder(tmp_path / "shared" / "kernels")
    (file := folder / "file").touch(0o600)
    folder.parent.chmod(0o770)
    stat = Path.stat

    def as_of_user_4321(path: Path, **options: bool) -> os.stat_result:
        found = stat(path, **options)
        owned = path == file or tmp_path in (path, *path.parents)
        ids = (4321, group if path == folder.parent else 4321) if owned else found[4:6]
        return os.stat_result((*found[:4], *ids, *found[6:]))

    monkeypatch.setattr(Path, "stat", as_of_user_4321)
    monkeypatch.setattr("os.geteuid", lambda: 4321)
    monkeypatch.setattr("os.getegid", lambda: group)
    assert only_ours_write(file) is believed


@pytest.mark.parametrize("owner", [12345, 0])
def test_folder_of_another_user_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: int
) -> None:
    folder = private_folder(tmp_path / "theirs" / "kernels")
    stat = Path.stat

    def theirs(path: Path, **options: bool) -> os.stat_result:
        found = stat(path, **options)
        return os.stat_result((*found[:4], owner, *found[5:])) if path == folder.parent else found

    monkeypatch.setattr(Path, "stat", theirs)
    if owner == 0:
        assert private_folder(folder) == folder
    else:
        with pytest.raises(CacheFolderError, match=f"may write to {folder.parent}"):
            private_folder(folder)


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    leave = (
        "import os, sys; from pathlib import Path;"
        "from max.driver.cache_folder import scratch_folder;"
        "made = scratch_folder(Path(sys.argv[1])); scratch = made.__enter__();"
        "(scratch / 'weights').write_bytes(bytes(1000)); os._exit(9)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", leave, str(tmp_path)], env=environment, check=False)
    (abandoned,) = tmp_path.iterdir()
    (tmp_path / "kept").mkdir()

    with scratch_folder(tmp_path) as one, scratch_folder(tmp_path) as two:
        assert not abandoned.exists()
        assert one.exists() and two.exists()

    assert list(tmp_path.iterdir()) == [tmp_path / "kept"]
