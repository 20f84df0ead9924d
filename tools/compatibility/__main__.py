"""Measures what other people's files, templates and clients get of us, and writes the page.

    python3 -m tools.compatibility --output docs/compatibility.md
    python3 -m tools.compatibility --clients-python venv-clients/bin/python

Public files are fetched with pip and are not kept. Clients are run where a Python with the
libraries of third_party/python/requirements_clients.in is given.
"""

from __future__ import annotations

import datetime
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import click

from max.benchmark.table import markdown
from tools.compatibility import gguf_types, templates, vocabularies
from tools.compatibility.packages import fetch, texts_of

_TEMPLATES = {"llama-cpp-python": True, "trl": False, "axolotl": False}
_CLIENTS = Path("max/tests/clients")


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--output", type=click.Path(path_type=Path), help="The page; else it is printed.")
@click.option("--clients-python", multiple=True, help="Pythons with clients' libraries.")
def main(output: Path | None, clients_python: Sequence[str]) -> None:
    """Measures, and writes the page."""
    with tempfile.TemporaryDirectory() as scratch:
        page = _page(Path(scratch), clients_python)
    if output is None:
        click.echo(page)
    else:
        output.write_text(page, encoding="utf-8")


def _page(scratch: Path, clients_python: Sequence[str]) -> str:
    archives = {
        name: fetch(name, scratch / name, source=is_source)
        for name, is_source in _TEMPLATES.items()
    }
    today = datetime.date.today().isoformat()
    return "\n".join(
        [
            "# Compatibility",
            "",
            "What public files, templates and clients get, measured by `python3 -m",
            f"tools.compatibility` on {today} with transformers {version('transformers')},",
            f"tokenizers {version('tokenizers')} and gguf {version('gguf')}.",
            "",
            *_templates(archives),
            *_vocabularies(archives["llama-cpp-python"], scratch / "vocabularies"),
            *_gguf_types(),
            *_clients(clients_python),
        ]
    )


def _templates(archives: dict[str, Path]) -> list[str]:
    rows, notable = [], []
    for archive in archives.values():
        found = [(Path(name).name, text) for name, text in texts_of(archive, ".jinja")]
        counts, of_package = templates.compare(found)
        outcomes = ("same", "ours alone", "both refuse", "different", "refused by us alone")
        rows.append([archive.name, str(len(found)), *(str(counts[o]) for o in outcomes)])
        notable += [f"- {line}" for line in of_package]
    head = ["package", "templates", "same", "ours alone", "both refuse", "different", "refused"]
    return [
        "## Chat templates",
        "",
        "Conversations in OpenAI's forms (parts, null content, arguments as text), rendered by us,",
        "beside what transformers makes of the same conversations as its users write them.",
        "",
        markdown(head, rows),
        "",
        *notable,
        *([""] if notable else []),
    ]


def _vocabularies(source: Path, folder: Path) -> list[str]:
    folder.mkdir()
    found = vocabularies.measure(source, folder)
    rows = [[v.name, f"{v.right} of {v.texts}", v.refusal.partition(".")[0]] for v in found]
    head = ["vocabulary", "texts with llama.cpp's tokens", "refused"]
    return ["## Vocabularies of GGUF files", "", markdown(head, rows), ""]


def _gguf_types() -> list[str]:
    rows = [
        [
            t.name,
            f"{t.file_bits:.2f}",
            f"{t.memory_bits:.2f}",
            "yes" if t.is_equal else "no",
            f"{t.decoded:.1f}",
            f"{t.prompt:.0f}",
        ]
        for t in gguf_types.measure()
    ]
    head = ["type", "bits", "in memory", "equal to gguf", "1 row, G/s", "256 rows, G/s"]
    return [
        "## Types of GGUF tensors",
        "",
        "Bits of a weight; whether random blocks decode to the `gguf` package's numbers; weights",
        "that a product reads per second with one row, and products per second with 256 rows, in",
        f"thousands of millions ({os.cpu_count()} cores).",
        "",
        markdown(head, rows),
        "",
    ]


def _clients(pythons: Sequence[str]) -> list[str]:
    rows = []
    for python in pythons:
        environment = {
            "MAX_COMMAND": f"{sys.executable} -m max.entrypoints.pipelines",
            **os.environ,
        }
        command = [python, "-m", "pytest", "-q", "-rA", "-m", "clients", str(_CLIENTS)]
        command += ["--continue-on-collection-errors", "-p", "no:cacheprovider"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        for outcome, name in re.findall(r"^(PASSED|FAILED) \S+/test_(\S+)$", done.stdout, re.M):
            rows.append([name.replace(".py::test_", ": ").replace("_", " "), outcome.lower()])
    if not rows:
        return []
    return ["## Clients", "", markdown(["conversation", "outcome"], sorted(rows)), ""]


if __name__ == "__main__":
    main()
