"""Tests of `tools.mutate`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tools.build.imports import workspace_root
from tools.mutate import Mutant, lay_out, main, own_tests, read_mutants, run_mutmut, written


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("old", "new", "is_harmless"),
    [
        ('raise ValueError("no page")', 'raise ValueError("XXno pageXX")', True),
        ('f"{count} pages"', 'f"XX{count} pagesXX"', True),
        ('f"{count} pages"', 'f"{None} pages"', False),
        ("count += 1", "count -= 1", False),
        ("x = cast(int, a)", "x = cast(None, a)", True),
        ("x = cast(int, a)", "x = cast(int, b)", False),
        ("x = zip(a, b, strict=True)", "x = zip(a, b, )", True),
        ("for x in zip(a, b, strict=True):", "for x in zip(a, b, strict=False):", True),
        ("for x in zip(a, b, strict=True):", "for x in zip(a, None, strict=True):", False),
        ('call("a", 1),', 'call("a", 2),', False),
        ("if not (", "if (", False),
    ],
)
def test_what_changes_nothing_is_told_from_what_does(old: str, new: str, is_harmless: bool) -> None:
    assert Mutant("m", False, f"-    {old}\n+    {new}").is_harmless is is_harmless


def test_words_do_not_count() -> None:
    words = Mutant("m.1", False, '-    "a"\n+    "b"')
    work = Mutant("m.2", False, "-    1\n+    2")
    noticed = [Mutant(f"m.{number}", True, "") for number in (3, 4, 5)]
    assert written("m", [words, work, *noticed]) == "| m | 4 | 3 | 75 % |\n\nm.2\n" + work.diff


def test_a_module_has_the_tests_of_its_name(tmp_path: Path) -> None:
    for name in ("test_pages.py", "test_pages_shared.py", "test_page.py"):
        write(tmp_path / "max/tests/tests/cache" / name, "")
    assert own_tests(tmp_path, "max.cache.pages") == [
        "cache/test_pages.py",
        "cache/test_pages_shared.py",
    ]
    assert own_tests(tmp_path, "max.cache.rules") == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["max.nothing"], "there is no module max.nothing"),
        (["max.version"], "has no test of its name; name some with --tests"),
        (["max.graph.dim", "--tests", "graph/test_of_nothing.py"], "test_of_nothing.py is not in"),
    ],
)
def test_what_is_not_there(
    arguments: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(tmp_path))
    write(tmp_path / "max/python/max/version.py", "")
    write(tmp_path / "max/python/max/graph/dim.py", "")
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert reason in " ".join(result.output.split())


@pytest.mark.slow
def test_mistakes_are_planted_and_noticed(tmp_path: Path) -> None:
    tree, scene = tmp_path / "tree", tmp_path / "scene"
    write(tree / "max/python/max/__init__.py", "")
    write(tree / "max/python/max/pages.py", "def fits(n: int) -> bool:\n    return n <= 9\n")
    test = "from max.pages import fits\n\ndef test_fits() -> None:\n    assert fits(9)\n"
    write(tree / "max/tests/tests/test_pages.py", test)
    conftest = workspace_root() / "max/tests/conftest.py"
    write(tree / "max/tests/conftest.py", conftest.read_text())
    lay_out(scene, tree, "max.pages", own_tests(tree, "max.pages"))
    run_mutmut(scene, "run", "--max-children", "1")
    found = read_mutants(scene, "max.pages")
    assert [(mutant.is_noticed, mutant.diff) for mutant in found] == [
        (True, ""),
        (False, "-     return n <= 9\n+     return n <= 10"),
    ]
