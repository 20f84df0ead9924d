"""Building C++ kernels without Bazel."""

from __future__ import annotations

import ctypes
import logging
import os
import shutil
from pathlib import Path

import pytest

from max.driver.cache_folder import CacheFolderError
from max.kernels import native


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kernel's source; what is built of it goes into the test's own cache."""
    monkeypatch.setenv("MODULAR_MAX_CACHE_DIR", str(tmp_path / "cache"))
    path = tmp_path / "seven" / "cpu.cpp"
    path.parent.mkdir()
    path.write_text('extern "C" __attribute__((visibility("default"))) int seven() { return 7; }\n')
    return path


def compiler() -> str:
    found = shutil.which("c++")
    assert found, "the tests need a C++ compiler, as the build does"
    return found


def test_a_kernel_is_built_once(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = native.build(source, compiler())
    assert capsys.readouterr().err == f"building the CPU kernel seven, once: {library}\n"
    assert ctypes.CDLL(str(library)).seven() == 7
    assert list(library.parent.iterdir()) == [library]
    before = library.stat().st_mtime_ns
    assert native.build(source, compiler()).stat().st_mtime_ns == before
    assert capsys.readouterr().err == ""


def test_a_changed_source_is_built_anew(source: Path) -> None:
    old = native.build(source, compiler())
    source.write_text(source.read_text().replace("7", "8"))
    new = native.build(source, compiler())
    assert new != old
    assert ctypes.CDLL(str(new)).seven() == 8


def test_nobody_else_may_write_to_the_kernels(source: Path) -> None:
    folder = native.build(source, compiler()).parent
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    native.build(source, compiler())
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_kernel_that_others_could_have_written_is_built_anew(source: Path) -> None:
    library = native.build(source, compiler())
    library.write_bytes(b"theirs")
    library.chmod(0o722)
    native.build(source, compiler())
    assert ctypes.CDLL(str(library)).seven() == 7
    assert library.stat().st_mode & 0o777 == 0o755


def test_a_kernel_of_another_user_is_built_anew(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    library = native.build(source, compiler())
    library.parent.chmod(0o755)
    stat = Path.stat

    def as_another_user(path: Path, **options: bool) -> os.stat_result:
        found = stat(path, **options)
        return os.stat_result((*found[:4], 12345, *found[5:])) if path == library else found

    monkeypatch.setattr(Path, "stat", as_another_user)
    native.build(source, compiler())
    assert capsys.readouterr().err.count("building the CPU kernel seven") == 2


def test_kernels_of_another_user_are_refused(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    native.build(source, compiler()).parent.chmod(0o777)
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    with pytest.raises(CacheFolderError, match=r"belongs to user \d+, .*MODULAR_MAX_CACHE_DIR"):
        native.build(source, compiler())


def test_the_compiler_s_words_are_passed_on(source: Path) -> None:
    source.write_text("int seven() { return seve; }\n")
    with pytest.raises(RuntimeError, match=r"(?s)building .*cpu\.cpp failed: .*seve"):
        native.build(source, compiler())


def test_without_a_compiler_the_reference_is_used_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with caplog.at_level(logging.WARNING):
        assert native.load_kernel("an_op_that_was_not_built") is None
    assert "install g++ or set CXX" in caplog.text
