"""The Bazel targets of the tree, computed from its imports.

Units. A library of `max` is a *unit*: a folder of the layers (`max.nn`, `max.serve`,
`max.pipelines.architectures.llama3`) with everything below it, or a single module beside a facade
(`max.dtype`). Elsewhere (max/tests, tools) each folder is a unit, and each test file a test.

Deps. What a unit imports, in functions too, are its deps; imports under TYPE_CHECKING are not.
Modules that it names in strings (registries), and a facade's lazy exports, cannot be its deps, they
may be above it: they are added to every binary and test from which the unit can be reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from tools.build.imports import MARKERS, Import, Module
from tools.build.layers import FACADES
from tools.build.modules import ModuleIndex, import_root
from tools.build.third_party import Wheels, distribution_of

# Packages whose children are units of their own. (max.pipelines.modeling: contexts are made of some
# of its modules, and others of its modules of contexts.)
_SPLIT = (*FACADES, "max.pipelines.architectures", "max.pipelines.modeling")


@dataclass(frozen=True, order=True)
class Label:
    """A target of this workspace."""

    package: str
    name: str

    def __str__(self) -> str:
        short = self.package.rpartition("/")[2] == self.name
        return f"//{self.package}" if short else f"//{self.package}:{self.name}"


@dataclass(frozen=True)
class Unit:
    """Modules that one library target holds."""

    label: Label
    modules: list[Module] = field(default_factory=list)


def is_whole_folder(label: Label) -> bool:
    """Whether a library holds all that lies in its folder and below it, data too."""
    root, _, package = label.package.partition("max/python/")
    return not root and package != "" and package.replace("/", ".") not in _SPLIT


def is_test(module: Module) -> bool:
    """Whether a file is a pytest file."""
    return module.path.name.startswith("test_") or module.path.name.endswith("_test.py")


def library_of(module: Module) -> Label:
    """Returns the label of the library that holds a module."""
    parts = module.name.split(".")
    root = import_root(module.name)

    def folder(count: int) -> str:
        return "/".join(filter(None, [root, *parts[:count]]))

    if parts[0] == "max":
        if module.is_package and module.name in _SPLIT:
            return Label(folder(len(parts)), parts[-1])
        parent = max((name for name in _SPLIT if module.name.startswith(name + ".")), key=len)
        depth = parent.count(".") + 2
        single = len(parts) == depth and not module.is_package
        return Label(folder(depth - 1 if single else depth), parts[depth - 1])
    if module.path.name == "conftest.py":
        return Label(folder(len(parts) - 1), "conftest")
    package = folder(len(parts) if module.is_package else len(parts) - 1)
    return Label(package, package.rpartition("/")[2])


def _dependencies(module: Module) -> Iterator[Import]:
    """Yields the imports that make deps: a facade's are only those that importing it executes."""
    for imported in module.imports:
        if imported.at_import_time or not (imported.type_checking or module.name in FACADES):
            yield imported


class Targets:
    """Units, binaries and tests of a tree, and their deps."""

    def __init__(self, index: ModuleIndex) -> None:
        self.index = index
        self._wheels = Wheels(index.root)
        self.units: dict[Label, Unit] = {}
        for module in index.modules.values():
            if not is_test(module):
                label = library_of(module)
                self.units.setdefault(label, Unit(label)).modules.append(module)

    @cached_property
    def programs(self) -> dict[Label, Module]:
        """Binaries: every module with an `if __name__ == "__main__":`."""
        return {
            Label(label.package, module.path.stem): module
            for label, unit in self.units.items()
            for module in unit.modules
            if module.is_program
        }

    @cached_property
    def tests(self) -> dict[Label, Module]:
        """Test files, by the label of their unmarked target."""
        return {
            Label(library_of(module).package, module.path.stem): module
            for module in self.index.modules.values()
            if is_test(module)
        }

    def third_party(self, modules: Iterable[Module]) -> set[str]:
        """Returns the labels of the wheels that modules import."""
        found: set[str] = set()
        for module in modules:
            for imported in module.imports:
                top = imported.module.split(".")[0]
                if imported.type_checking or self.index.is_first_party(top):
                    continue
                if distribution := distribution_of(top):
                    found |= self._wheels.labels(module.path, distribution)
        return found

    def problems(self) -> Iterator[str]:
        """Describes imports of what is not there, and libraries that need each other."""
        for module in self.index.modules.values():
            path = module.path.relative_to(self.index.root)
            for imported in module.imports:
                top = imported.module.split(".")[0]
                if self.index.is_first_party(top):
                    if not self.index.resolve(imported):
                        yield f"{path}:{imported.line}: there is no module {imported.module}"
                elif (name := distribution_of(top)) is not None and (
                    missing := self._wheels.refusal(module.path, name)
                ):
                    yield (
                        f"{path}:{imported.line}: {top} is not in {missing} (a distribution of "
                        "another name goes into tools/build/third_party.py)"
                    )
        yield from self._cycles()

    def first_party(self, modules: Iterable[Module]) -> set[Label]:
        """Returns the libraries that modules import, with the packages above those."""
        found: set[Label] = set()
        for module in modules:
            found |= self._with_parents(module.name)
            for imported in _dependencies(module):
                for name in self.index.resolve(imported):
                    found |= self._with_parents(name)
        return found

    def _with_parents(self, name: str) -> set[Label]:
        """Libraries of a module and of the packages whose __init__ its import runs."""
        parts = name.split(".")
        prefixes = (".".join(parts[:count]) for count in range(1, len(parts) + 1))
        modules = (
            self.index.modules[prefix] for prefix in prefixes if prefix in self.index.modules
        )
        return {library_of(module) for module in modules if not is_test(module)}

    def deps(self, label: Label) -> set[Label]:
        """Returns the direct deps of a library."""
        return self.first_party(self.units[label].modules) - {label}

    def reached(self, start: Iterable[Label]) -> set[Label]:
        """Returns start and all libraries below it."""
        seen: set[Label] = set()
        todo = list(start)
        while todo:
            label = todo.pop()
            if label not in seen:
                seen.add(label)
                todo += self._deps[label]
        return seen

    @cached_property
    def _deps(self) -> dict[Label, set[Label]]:
        return {label: self.deps(label) for label in self.units}

    def runtime_deps(self, modules: list[Module]) -> set[Label]:
        """Returns the deps of a program: imports, and all that can be loaded by name from there."""
        found = self.first_party(modules)
        while True:
            reached = self.reached(found)
            named = {
                library
                for module in [
                    *modules,
                    *(m for label in reached for m in self.units[label].modules),
                ]
                for name in self._loaded(module)
                for library in self._with_parents(name)
            }
            if named <= reached:
                return found
            found |= named - reached

    def _loaded(self, module: Module) -> set[str]:
        """Returns what a module loads when it is first asked for it."""
        found = self.index.lazy(module)
        if module.name in FACADES:
            for imported in module.imports:
                found.update(self.index.resolve(imported))
        return found

    def conftests(self, module: Module) -> set[Label]:
        """Returns the conftest libraries of the folders above a test file."""
        parts = module.name.split(".")[:-1]
        names = (".".join([*parts[:count], "conftest"]) for count in range(len(parts) + 1))
        return {
            library_of(self.index.modules[name]) for name in names if name in self.index.modules
        }

    def _cycles(self) -> Iterator[str]:
        """Describes each pair of libraries that import each other."""
        for label in sorted(self.units):
            for other in sorted(self._deps[label]):
                if label < other and label in self.reached(self._deps[other]):
                    yield f"{label} and {other} need each other:\n" + "\n".join(
                        [*self._uses(label, other), *self._uses(other, label)]
                    )

    def _uses(self, source: Label, target: Label) -> Iterator[str]:
        for module in self.units[source].modules:
            for imported in _dependencies(module):
                for name in self.index.resolve(imported):
                    if target in self._with_parents(name):
                        path = module.path.relative_to(self.index.root)
                        yield f"  {path}:{imported.line} imports {name}"


def marker_variants(module: Module) -> list[str | None]:
    """Returns the markers for which a test file has a target, None for its unmarked tests."""
    marked = [marker for marker in MARKERS if marker in module.markers]
    return list(marked) if module.all_marked else [None, *marked]
