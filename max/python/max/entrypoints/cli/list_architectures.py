"""`max list`."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from max.pipelines.lib.supported_architecture import SupportedArchitecture


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def cli_list(as_json: bool) -> None:
    """List the architectures of this release.

    Other ones can be added with --custom-architectures.
    """
    from max.pipelines.lib.registry import PIPELINE_REGISTRY

    architectures = sorted(
        PIPELINE_REGISTRY.all_architectures(), key=lambda each: (each.name, each.task)
    )
    click.echo(_json(architectures) if as_json else "\n".join(map(_text, architectures)))


def _json(architectures: list[SupportedArchitecture]) -> str:
    described: dict[str, dict[str, object]] = {}
    for name, group in groupby(architectures, key=lambda each: each.name):
        registered = list(group)  # one for each task
        described[name] = {
            "family": registered[0].family,
            "tasks": [each.task.value for each in registered],
            "example_repo_ids": [repo for each in registered for repo in each.example_repo_ids],
            "supported_encodings": sorted({e for r in registered for e in r.supported_encodings}),
        }
    return json.dumps({"architectures": described}, indent=2)


def _text(architecture: SupportedArchitecture) -> str:
    lines = [
        f"    Architecture: {architecture.name}",
        "         Example Huggingface Repo Ids: ",
        *(f"              {repo_id}" for repo_id in architecture.example_repo_ids),
        f"         Family: {architecture.family}",
        f"         Task: {architecture.task.value}",
        *(f"         Encoding Supported: {e}" for e in sorted(architecture.supported_encodings)),
    ]
    return "\n".join(lines) + "\n"
