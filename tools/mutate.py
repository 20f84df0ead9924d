"""Plants mistakes in a module, one at a time, and tells which of them its tests notice.

./bazelw run //tools:mutate -- max.pipelines.kv_cache.block_manager
python3 -m tools.mutate max.pipelines.kv_cache.block_manager --tests pipelines/kv_cache
"""

# The program that it runs, and what the tests import that it runs.
# build: deps = ["@pip_dev//:mutmut", "@pip_dev//:pytest_timeout", "@pip_dev//:hypothesis"]

from __future__ import annotations

import ast
import difflib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from tools.build.imports import workspace_root

_EPILOG = """\b
Examples:
  mutate max.pipelines.scheduling.scheduler
  mutate max.pipelines.kv_cache.block_manager --tests pipelines/kv_cache
  mutate max.graph.dim --report /tmp/dim.md

\b
A mistake in a message's words does not count: tests that pin every word are no better tests.
Neither does one in the type of a `cast`, which does nothing, nor one in the `strict` of a `zip`,
which is an assertion.
"""

_SETTINGS = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = ["{module}"]
also_copy = ["conftest.py"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-x", "-q"]
pytest_add_cli_args_test_selection = {tests}
use_git_change_detection = false
track_dependencies = false

[tool.pytest.ini_options]
pythonpath = ["src", "."]
addopts = {options}
consider_namespace_packages = true
timeout = 120
markers = {markers}
filterwarnings = ["error"]
"""


class Mutant(NamedTuple):
    """A mistake, and whether a test failed.

    Attributes:
        name: mutmut's.
        is_noticed: a test failed, or did not end.
        diff: the changed lines.
    """

    name: str
    is_noticed: bool
    diff: str

    @property
    def is_harmless(self) -> bool:
        """Nothing but words of strings differ, types of casts, or the `strict` of a zip."""
        old, new = (
            "\n".join(line[1:] for line in self.diff.splitlines() if line.startswith(sign))
            for sign in "-+"
        )
        return _what_works(old) == _what_works(new)


@click.command(epilog=_EPILOG)
@click.argument("module")
@click.option(
    "--tests",
    multiple=True,
    help="Test file or folder below max/tests/tests; instead of the module's own. Repeatable.",
)
@click.option("--report", help="Write the table's line and the survivors to this file, too.")
@click.option("--processes", default=2, show_default=True, help="Mistakes tried at once.")
def main(module: str, tests: tuple[str, ...], report: str | None, processes: int) -> None:
    """Tries the tests of MODULE on mistakes planted in it."""
    root = workspace_root()
    source = root / "max" / "python" / _path_of(module)
    if not source.is_file():
        raise click.UsageError(f"there is no module {module}: {source} is missing")
    chosen = tests or own_tests(root, module)
    for test in chosen:
        if not (root / "max" / "tests" / "tests" / test).exists():
            raise click.UsageError(f"--tests {test} is not in {root / 'max' / 'tests' / 'tests'}")
    if not chosen:
        raise click.UsageError(f"{module} has no test of its name; name some with --tests")
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        scene = Path(folder)
        lay_out(scene, root, module, chosen)
        run_mutmut(scene, "run", "--max-children", str(processes))
        found = read_mutants(scene, module)
    text = written(module, found)
    click.echo(text)
    if report:
        here = Path(os.environ.get("BUILD_WORKING_DIRECTORY", os.curdir))
        (here / report).write_text(text + "\n")


def own_tests(root: Path, module: str) -> list[str]:
    """Returns the test files of a module's name, as their place below the folder of tests tells."""
    _, *folders, name = module.split(".")
    tests = root / "max" / "tests" / "tests"
    folder = tests.joinpath(*folders)
    found = [folder / f"test_{name}.py", *sorted(folder.glob(f"test_{name}_*.py"))]
    return [path.relative_to(tests).as_posix() for path in found if path.is_file()]


def lay_out(scene: Path, root: Path, module: str, tests: Sequence[str]) -> None:
    """Copies the package and its tests to where mutmut looks for them."""
    ignored = shutil.ignore_patterns("__pycache__", "BUILD.bazel")
    shutil.copytree(root / "max/python/max", scene / "src/max", ignore=ignored)
    shutil.copytree(root / "max/tests/tests", scene / "tests", ignore=ignored)
    shutil.copy(root / "max/tests/conftest.py", scene)
    markers = ["slow", "gpu", "bench", "clients", "browser"]
    everyday = " and ".join(f"not {marker}" for marker in markers)
    settings = _SETTINGS.format(
        module=f"src/{_path_of(module).as_posix()}",
        tests=json.dumps([f"tests/{test}" for test in tests]),
        options=json.dumps(["--import-mode=importlib", f"-m {everyday}"]),
        markers=json.dumps(markers),
    )
    (scene / "pyproject.toml").write_text(settings)


def read_mutants(scene: Path, module: str) -> list[Mutant]:
    """Reads what mutmut found."""
    functions = _functions_of(scene / "mutants" / "src" / _path_of(module))
    found = []
    for line in run_mutmut(scene, "results", "--all", "true").splitlines():
        name, _, result = line.strip().rpartition(": ")
        if not name:
            continue
        is_noticed = result in ("killed", "timeout", "segfault", "suspicious")
        function = name.rpartition(".")[2]
        original = f"{function.rpartition('_')[0]}_orig"
        head, *body = functions[original]
        renamed = [head.replace(original, function), *body]
        changed = [] if is_noticed else difflib.ndiff(renamed, functions[function])
        diff = "\n".join(each for each in changed if each.startswith(("- ", "+ ")))
        found.append(Mutant(name, is_noticed, diff))
    return found


def _functions_of(file: Path) -> dict[str, list[str]]:
    """Returns the lines of the functions in a file, from the one with the name on."""
    text = file.read_text()
    lines = text.splitlines()
    return {
        node.name: lines[node.lineno - 1 : node.end_lineno]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _path_of(module: str) -> Path:
    return Path(*module.split(".")).with_suffix(".py")


def written(module: str, mutants: Sequence[Mutant]) -> str:
    """Returns the line of the table, and each mistake that no test noticed."""
    survivors = [mutant for mutant in mutants if not mutant.is_noticed]
    serious = [mutant for mutant in survivors if not mutant.is_harmless]
    counted = len(mutants) - (len(survivors) - len(serious))
    share = 100 * (counted - len(serious)) / max(counted, 1)
    line = f"| {module} | {counted} | {counted - len(serious)} | {share:.0f} % |"
    return "\n".join([line, *(f"\n{mutant.name}\n{mutant.diff}" for mutant in serious)])


def run_mutmut(scene: Path, *arguments: str) -> str:
    """Runs mutmut there; returns what it prints, but that of `run` is shown.

    Raises:
        click.ClickException: it failed.
    """
    shows = arguments[0] == "run"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(_packages(sys.path))}
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=scene,
        env=environment,
        stdout=None if shows else subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise click.ClickException(
            f"mutmut {' '.join(arguments)} ended with {done.returncode}; do the tests pass?"
        )
    return done.stdout or ""


def _packages(paths: Sequence[str]) -> list[str]:
    """Returns where installed packages are: not the tree, of which the copy is to be tried."""
    return [path for path in paths if "site-packages" in path]


def _what_works(line: str) -> str:
    """Returns a line of code without words, types of casts and `strict`; itself if it is a part."""
    tree = _parsed(line.strip().rstrip(":,")) or _parsed(f"{line.strip()} pass")
    if tree is None:
        return line
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            node.values = [part for part in node.values if not isinstance(part, ast.Constant)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
        elif isinstance(node, ast.Call) and getattr(node.func, "id", None) == "cast":
            node.args = node.args[1:]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", None) == "zip":
            node.keywords = []
    return ast.dump(tree)


def _parsed(code: str) -> ast.Module | None:
    try:
        return ast.parse(code)
    except SyntaxError:
        return None


if __name__ == "__main__":
    main()
