"""Architecture packages from outside the tree (`--custom-architectures`)."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from max.pipelines.lib.absent_names import explain
from max.pipelines.lib.supported_architecture import SupportedArchitecture


class CustomPackage(NamedTuple):
    """Where a package is imported from.

    Attributes:
        folder: what goes on `sys.path`.
        name: the package.
    """

    folder: Path
    name: str


def load_custom_architectures(spec: str) -> Sequence[SupportedArchitecture]:
    """The `ARCHITECTURES` of a package.

    Args:
        spec: `path/to/package`, or `path/to/folder:package`. A relative path starts where the user
            stands (the folder of `bazel run`'s caller included).

    Raises:
        ValueError: if there is no such package, another one of its name was imported, or it has no
            list of architectures. An exception inside the package passes through as it is.
    """
    package = parse_spec(spec)
    if str(package.folder) not in sys.path:
        sys.path.append(str(package.folder))
    module = _import(package, spec)
    _check_origin(package, module, spec)
    architectures = getattr(module, "ARCHITECTURES", None)
    wanted = (list, tuple)
    if (
        not isinstance(architectures, wanted)
        or not architectures
        or not all(isinstance(a, SupportedArchitecture) for a in architectures)
    ):
        raise ValueError(
            "Custom model imported, but did not expose an `ARCHITECTURES` list. "
            f"Module: {spec} ({module.__file__}). Its __init__.py needs a line such as "
            "`ARCHITECTURES = [my_arch]`, a list of SupportedArchitecture instances."
        )
    return architectures


def parse_spec(spec: str) -> CustomPackage:
    """Splits a `--custom-architectures` value.

    Raises:
        ValueError: if it has more than one colon, or names no package.
    """
    parts = spec.split(":")
    if len(parts) > 2:
        raise ValueError(
            f"Custom module spec contains too many colons: {spec}. "
            "Allowed: `package`, `path/to/package`, `path/to/folder:package`."
        )
    if not parts[-1]:
        raise ValueError(
            f"Custom module spec names no package: {spec!r}. "
            "Allowed: `package`, `path/to/package`, `path/to/folder:package`."
        )
    here = Path(os.environ.get("BUILD_WORKING_DIRECTORY") or os.curdir)
    if len(parts) == 2:
        return CustomPackage((here / parts[0]).resolve(), parts[1])
    path = (here / spec).resolve()
    if path.is_file():
        raise ValueError(
            f"Failed to import custom model from: {spec}. It is a file; give "
            "--custom-architectures the folder of the package that it belongs to."
        )
    return CustomPackage(path.parent, path.name)


def _import(package: CustomPackage, spec: str) -> ModuleType:
    top = package.name.split(".")[0]
    try:
        return importlib.import_module(package.name)
    except ModuleNotFoundError as error:
        if error.name != top and error.name != package.name:
            explain(error)
            raise  # the package is there; something that it imports is not
        raise ValueError(
            f"Failed to import custom model from: {spec}. There is no package '{package.name}' in "
            f"{package.folder} (a folder with an __init__.py); give --custom-architectures the "
            "package's own folder, or `folder:package`."
        ) from error
    except (ImportError, AttributeError) as error:
        explain(error)
        raise
    except SystemExit as error:
        raise ValueError(
            f"Failed to import custom model from: {spec}. It ends the program while it is imported "
            f"(sys.exit({error.code!r})); a package should only define things."
        ) from error


def _check_origin(package: CustomPackage, module: ModuleType, spec: str) -> None:
    """Refuses a module that is not what the user pointed at."""
    folder = package.folder.joinpath(*package.name.split("."))
    if module.__file__ is None:
        inner = sorted(path.parent.name for path in folder.glob("*/__init__.py"))
        hint = f"; did you mean {folder / inner[0]}?" if inner else "."
        raise ValueError(
            "Custom model imported, but did not expose an `ARCHITECTURES` list. "
            f"Module: {spec}: {folder} has no __init__.py, so it is not a package{hint}"
        )
    if folder.is_dir() and folder not in Path(module.__file__).resolve().parents:
        raise ValueError(
            f"Failed to import custom model from: {spec}. Another module of that name, "
            f"{module.__file__}, hides {folder}; give the package another name."
        )
