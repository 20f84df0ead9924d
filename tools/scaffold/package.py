"""Writes the files of a new architecture."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from max.graph.weights.format import WeightsFormat
from tools.scaffold.base_family import Family

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Names:
    """What a new architecture is called.

    Attributes:
        package: its folder, my_model.
        prefix: of its classes, MyModel.
        hugging_face: `architectures[0]` of its checkpoints, MyModelForCausalLM.
    """

    package: str
    prefix: str
    hugging_face: str

    @classmethod
    def of(cls, package: str, hugging_face: str | None) -> Names:
        """The names for a folder's name; the Hugging Face name may be given."""
        prefix = "".join(part.capitalize() for part in package.split("_"))
        return cls(package, prefix, hugging_face or f"{prefix}ForCausalLM")


def write_package(folder: Path, names: Names, family: Family) -> list[Path]:
    """Writes a package that subclasses a family and changes nothing.

    Args:
        folder: created.
        names: what it is called.
        family: what it starts from.

    Returns:
        The files.
    """
    folder.mkdir(parents=True)
    written = []
    for template in sorted(_TEMPLATES.glob("*.py.txt")):
        path = folder / template.name.removesuffix(".txt")
        path.write_text(fill(template, names, family), encoding="utf-8")
        written.append(path)
    return written


def fill(template: Path, names: Names, family: Family) -> str:
    """A template with a new architecture's names."""
    model, config = family.architecture.pipeline_model, family.architecture.config
    if config is None:
        raise ValueError(f"'{family.name}' has no configuration class to start from")
    adapter = vars(family.architecture)["weight_adapters"][WeightsFormat.safetensors]
    adapter_module, _, adapter_name = adapter.partition(":")  # The tree's families name theirs.
    batching = family.architecture.batching
    if batching is None:
        raise ValueError(f"'{family.name}' has no batch processor to start from")
    values = {
        "package": names.package,
        "prefix": names.prefix,
        "hugging_face": names.hugging_face,
        "base": family.name,
        "base_hugging_face": family.architecture.name,
        "base_model": model.__name__,
        "base_model_module": model.__module__,
        "base_config": config.__name__,
        "base_config_module": config.__module__,
        "base_adapter_module": adapter_module,
        "base_adapter": adapter_name,
        "task": family.architecture.task.name,
        "batching": _public_name(batching),
    }
    return Template(template.read_text(encoding="utf-8")).substitute(values)


def _public_name(cls: type[Any]) -> str:
    """ "module:Class" of the highest package that exports the class under its own name."""
    parts = cls.__module__.split(".")
    for count in range(1, len(parts)):
        module = ".".join(parts[:count])
        if getattr(sys.modules.get(module), cls.__name__, None) is cls:
            return f"{module}:{cls.__name__}"
    return f"{cls.__module__}:{cls.__name__}"
