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
from max.graph.quantization import BLOCK_ENCODINGS
from tools.compatibility import gguf_types, templates, upstream, vocabularies
from tools.compatibility.packages import fetch, texts_of

_TEMPLATES = {"llama-cpp-python": True, "trl": False, "axolotl": False}
_CLIENTS = Path("max/tests/clients")


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--output", type=click.Path(path_type=Path), help="The page; else it is printed.")
@click.option("--clients-python", multiple=True, help="Pythons with clients' libraries.")
@click.option("--speed", is_flag=True, help="Time products too: on a machine that is idle.")
def main(output: Path | None, clients_python: Sequence[str], speed: bool) -> None:
    """Measures, and writes the page."""
    with tempfile.TemporaryDirectory() as scratch:
        page = _page(Path(scratch), clients_python, with_speed=speed)
    if output is None:
        click.echo(page)
    else:
        output.write_text(page, encoding="utf-8")


def _page(scratch: Path, clients_python: Sequence[str], *, with_speed: bool) -> str:
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
            *_gguf_types(with_speed=with_speed),
            *_upstream(),
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
        of_template: dict[str, list[str]] = {}
        for name, conversation, outcome in of_package:
            of_template.setdefault(f"{name}, {outcome}", []).append(conversation)
        notable += [f"- {key}: {', '.join(names)}" for key, names in of_template.items()]
    head = ["package", "templates", "same", "ours alone", "both refuse", "different", "refused"]
    return [
        "## Chat templates",
        "",
        "Conversations in OpenAI's forms (parts, null content, arguments as text), rendered by us,",
        "beside what transformers makes of the same conversations as its users write them.",
        "",
        markdown(head, rows),
        "",
        "Those of vision models read texts in parts alone and differ on purpose, and so do those",
        "that leave messages of a role out, which is told instead (http-api.md).",
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


def _gguf_types(*, with_speed: bool) -> list[str]:
    types = [gguf_types.examine(encoding) for encoding in BLOCK_ENCODINGS]
    head = ["type", "bits", "in memory", "equal to gguf"]
    rows = [
        [t.name, f"{t.file_bits:.2f}", f"{t.memory_bits:.2f}", "yes" if t.is_equal else "no"]
        for t in types
    ]
    text = [
        "Bits of a weight in the file and in memory, and whether random blocks decode to the",
        "`gguf` package's numbers.",
    ]
    if with_speed:
        head += ["1 row, G/s", "256 rows, G/s"]
        for encoding, row in zip(BLOCK_ENCODINGS, rows, strict=True):
            one, many = gguf_types.speeds(encoding)
            row += [f"{one:.1f}", f"{many:.0f}"]
        text += [
            "Then weights that a product reads per second with one row, and products per second",
            f"with 256 rows, in thousands of millions ({os.cpu_count()} cores).",
        ]
    return ["## Types of GGUF tensors", "", *text, "", markdown(head, rows), ""]


def _upstream() -> list[str]:
    outcomes = [*upstream.examine_names(), *upstream.examine_options()]
    rows = [[o.of, *(str(len(names)) for names in o[1:])] for o in outcomes]
    total = [str(sum(len(o[i]) for o in outcomes)) for i in (1, 2, 3)]
    return [
        "## Upstream names",
        "",
        "Names of MAX's documentation (of modules and classes, and options of commands): those",
        "that are here, and those that are not, whose use is refused with what to do instead.",
        "Of refused options, values that ask for nothing or change nothing are taken.",
        "",
        markdown(["of", "here", "refused", "missing"], [*rows, ["all", *total]]),
        "",
        *(f"- {o.of} refuses {', '.join(o.refused)}" for o in outcomes if o.refused),
        *(f"- {o.of} lacks {', '.join(o.missing)}" for o in outcomes if o.missing),
        "",
    ]


def _clients(pythons: Sequence[str]) -> list[str]:
    rows: set[tuple[str, str]] = set()
    for python in pythons:
        environment = {
            "MAX_SERVER": f"{sys.executable} -m max.entrypoints.pipelines",
            **os.environ,
        }
        command = [python, "-m", "pytest", "-q", "-rA", "-m", "clients", str(_CLIENTS)]
        command += ["--continue-on-collection-errors", "-p", "no:cacheprovider"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        outcomes = re.findall(r"^(PASSED|FAILED) \S+/test_(.+?)(?: - .*)?$", done.stdout, re.M)
        if not outcomes:
            raise click.ClickException(f"{python} ran no conversation:\n{done.stdout[-2000:]}")
        for outcome, name in outcomes:
            rows.add((name.replace(".py::test_", ": ").replace("_", " "), outcome.lower()))
    if not rows:
        return []
    return ["## Clients", "", markdown(["conversation", "outcome"], sorted(rows)), ""]


if __name__ == "__main__":
    main()
