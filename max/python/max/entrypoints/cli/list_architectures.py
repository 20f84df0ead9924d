"""`max list`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from max.pipelines.lib.lazy_architecture import ArchitectureSummary


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def cli_list(as_json: bool) -> None:
    """List the architectures of this release.

    Other ones can be added with --custom-architectures.
    """
    from max.pipelines.lib.lazy_architecture import summarize
    from max.pipelines.lib.registry import PIPELINE_REGISTRY

    summaries = [summarize(entry) for entry in PIPELINE_REGISTRY.lazy_architectures()]
    summaries.sort(key=lambda summary: summary.name)
    click.echo(_json(summaries) if as_json else "\n".join(map(_text, summaries)))


def _json(summaries: list[ArchitectureSummary]) -> str:
    architectures = {
        summary.name: {
            "example_repo_ids": summary.example_repo_ids,
            "supported_encodings": summary.supported_encodings,
        }
        for summary in summaries
    }
    return json.dumps({"architectures": architectures}, indent=2)


def _text(summary: ArchitectureSummary) -> str:
    lines = [f"    Architecture: {summary.name}", "         Example Huggingface Repo Ids: "]
    lines += [f"              {repo_id}" for repo_id in summary.example_repo_ids]
    lines += [f"         Encoding Supported: {name}" for name in summary.supported_encodings]
    return "\n".join(lines) + "\n"
