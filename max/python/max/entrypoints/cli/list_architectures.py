"""`max list`."""

from __future__ import annotations

import json
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

    architectures = sorted(PIPELINE_REGISTRY.all_architectures(), key=lambda each: each.name)
    click.echo(_json(architectures) if as_json else "\n".join(map(_text, architectures)))


def _json(architectures: list[SupportedArchitecture]) -> str:
    described = {
        each.name: {
            "example_repo_ids": list(each.example_repo_ids),
            "supported_encodings": sorted(each.supported_encodings),
        }
        for each in architectures
    }
    return json.dumps({"architectures": described}, indent=2)


def _text(architecture: SupportedArchitecture) -> str:
    lines = [f"    Architecture: {architecture.name}", "         Example Huggingface Repo Ids: "]
    lines += [f"              {repo_id}" for repo_id in architecture.example_repo_ids]
    encodings = sorted(architecture.supported_encodings)
    lines += [f"         Encoding Supported: {name}" for name in encodings]
    return "\n".join(lines) + "\n"
