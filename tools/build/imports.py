"""What one Python file says about its dependencies, read without running it."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MARKERS = ("bench", "browser", "clients", "gpu", "slow")
_DIRECTIVE = re.compile(r"^# build: (\w+) = (.+)$", re.MULTILINE)
_DOTTED = re.compile(r"\b[a-z_]\w*(?:\.\w+)+")
_MODULE_LIKE = re.compile(r"(\.?[a-z_]\w*(?:\.\w+)*)(?::\w+)?")


@dataclass(frozen=True)
class Import:
    """One imported name.

    Attributes:
        module: absolute dotted module of the import statement.
        name: the name taken from it, None for `import module`.
        line: line of the statement.
        type_checking: it stands under `if TYPE_CHECKING:`, so it is never executed.
        in_function: it is executed when a function is called, not when the module is imported.
    """

    module: str
    name: str | None
    line: int
    type_checking: bool = False
    in_function: bool = False

    @property
    def at_import_time(self) -> bool:
        """Whether importing the file executes it."""
        return not (self.type_checking or self.in_function)


@dataclass(frozen=True)
class Module:
    """One parsed Python file.

    Attributes:
        name: absolute dotted name.
        path: the file.
        imports: in the order of the file.
        strings: string constants that could name a module (lazy imports, registries), without the
            symbol of `module:Symbol`; a leading dot or a bare name is relative to the file's
            package.
        mentions: dotted names inside longer strings, docstrings aside (a test's `python3 -c` code).
        markers: the pytest markers of MARKERS that tests in the file carry.
        all_marked: every test in the file carries one of them.
        is_program: it has an `if __name__ == "__main__":`.
        directives: `# build: key = value` lines, what imports cannot tell (data files, size).
    """

    name: str
    path: Path
    imports: tuple[Import, ...]
    strings: frozenset[str]
    mentions: frozenset[str]
    markers: frozenset[str]
    all_marked: bool
    is_program: bool
    directives: dict[str, object]

    @property
    def is_package(self) -> bool:
        """Whether the file is an __init__.py."""
        return self.path.name == "__init__.py"

    @property
    def package(self) -> str:
        """The dotted name from which relative imports start."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


def workspace_root() -> Path:
    """Returns the source tree: under Bazel's `run` the real one, else the one of this file."""
    return Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY") or Path(__file__).parents[2])


def _directives(text: str) -> dict[str, object]:
    """Returns the settings of `# build:` lines; the lists of several lines are one."""
    found: dict[str, object] = {}
    for key, value in _DIRECTIVE.findall(text):
        setting, known = ast.literal_eval(value), found.get(key)
        found[key] = [*known, *setting] if isinstance(known, list) else setting
    return found


def _is_type_checking(node: ast.If) -> bool:
    test = node.test
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", None)
    return name == "TYPE_CHECKING"


def _is_main_guard(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and isinstance(node.test.left, ast.Name)
        and node.test.left.id == "__name__"
    )


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    base = package.split(".")
    base = base[: len(base) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def _imports(
    node: ast.AST, package: str, type_checking: bool = False, in_function: bool = False
) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, None, child.lineno, type_checking, in_function)
        elif isinstance(child, ast.ImportFrom):
            module = _absolute(child, package)
            for alias in child.names:
                yield Import(module, alias.name, child.lineno, type_checking, in_function)
        elif isinstance(child, ast.If) and _is_type_checking(child):
            for statement in child.body:
                wrapper = ast.Module(body=[statement], type_ignores=[])
                yield from _imports(wrapper, package, True, in_function)
            wrapper = ast.Module(body=child.orelse, type_ignores=[])
            yield from _imports(wrapper, package, type_checking, in_function)
        else:
            function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from _imports(child, package, type_checking, in_function or function)


def _markers(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in MARKERS
            and isinstance(node.value, ast.Attribute)
            and node.value.attr == "mark"
        ):
            yield node.attr


def _all_marked(tree: ast.Module) -> bool:
    """Whether `pytestmark` or decorators mark every test function."""
    for statement in tree.body:
        names = statement.targets if isinstance(statement, ast.Assign) else []
        if any(isinstance(name, ast.Name) and name.id == "pytestmark" for name in names):
            return any(_markers(statement))
    tests = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.name.startswith("test_")
    ]
    return bool(tests) and all(
        any(mark for decorator in test.decorator_list for mark in _markers(decorator))
        for test in tests
    )


def _texts(tree: ast.AST) -> Iterator[str]:
    """Yields the string constants, without those that are statements (docstrings)."""
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and id(node) not in statements:
            yield text


def parse(path: Path, name: str) -> Module:
    """Parses a file.

    Raises:
        SyntaxError: the file is not Python, or a `# build:` line is not `key = literal`.
    """
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text, filename=str(path))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    texts = list(_texts(tree))
    return Module(
        name=name,
        path=path,
        imports=tuple(_imports(tree, package)),
        strings=frozenset(found[1] for text in texts if (found := _MODULE_LIKE.fullmatch(text))),
        mentions=frozenset(name for text in texts for name in _DOTTED.findall(text)),
        markers=frozenset(_markers(tree)),
        all_marked=_all_marked(tree),
        is_program=any(_is_main_guard(node) for node in tree.body),
        directives=_directives(text),
    )
