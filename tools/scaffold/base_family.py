"""The families that a new architecture can start from."""

from __future__ import annotations

from dataclasses import dataclass

from max.pipelines.lib import PIPELINE_REGISTRY, SupportedArchitecture


@dataclass(frozen=True)
class Family:
    """An architecture of the tree.

    Attributes:
        name: its folder.
        architecture: its registration.
    """

    name: str
    architecture: SupportedArchitecture


def known_families() -> list[str]:
    """The folders of the tree's architectures."""
    return sorted({each.family for each in PIPELINE_REGISTRY.all_architectures()})


def find_family(name: str) -> Family | None:
    """The family in the folder of that name."""
    for architecture in PIPELINE_REGISTRY.all_architectures():
        if architecture.family == name:
            return Family(name, architecture)
    return None
