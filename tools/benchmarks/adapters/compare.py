"""Compares servers of one base model and several adapters, for docs/benchmarks/lora.md.

python3 -m tools.benchmarks.adapters.compare --model DIR --gguf BF16.gguf --gguf Q4_K_M.gguf \\
    --llama-cpp SOURCES --llama-server FILE [--vllm PYTHON] --write

A GGUF file is served by this engine and by llama-server; vLLM serves DIR beside the first of them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import httpx

from tools.benchmarks.adapters.files import write_random_adapter
from tools.benchmarks.adapters.speed import Load, measure
from tools.benchmarks.page_sections import where_measured, write_section
from tools.benchmarks.suite.process import free_port, running
from tools.build.imports import workspace_root

PAGE = Path("docs", "benchmarks", "lora.md")
_FILE = click.Path(exists=True, path_type=Path)
# What is shown of a server that fails.
_LINES_OF_LOG = 40
_ABOUT = """Answers of 32 tokens to prompts of 16 words, 16 requests at once, of the base model and
of 8 adapters of rank 16 on all linear layers; tokens of answers per second, prompts included. A
llama-server that has loaded adapters computes them even at a scale of 0, and batches requests of
equal adapters only.

    python3 -m tools.benchmarks.adapters.compare --model DIR --gguf FILE ... --write
"""


class Server(NamedTuple):
    """How one is started, and asked.

    Attributes:
        name: for the table.
        weights: likewise.
        command: with `{port}`.
        load: what it is sent.
        environment: that it needs.
    """

    name: str
    weights: str
    command: Sequence[str]
    load: Load
    environment: Mapping[str, str] = {}


@click.command(help=__doc__)
@click.option("--model", required=True, type=_FILE)
@click.option("--gguf", "files", multiple=True, type=_FILE, help="Repeatable.")
@click.option("--llama-cpp", required=True, type=_FILE, help="Folder of llama.cpp's sources.")
@click.option("--llama-server", required=True, type=_FILE)
@click.option("--vllm", type=_FILE, help="Python that has vLLM.")
@click.option("--adapters", "count", type=click.IntRange(min=1), default=8, show_default=True)
@click.option("--rank", type=click.IntRange(min=1), default=16, show_default=True)
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--write", is_flag=True, help=f"Put the table into {PAGE}.")
def main(
    model: Path,
    files: tuple[Path, ...],
    llama_cpp: Path,
    llama_server: Path,
    vllm: Path | None,
    count: int,
    rank: int,
    rounds: int,
    write: bool,
) -> None:
    """Starts the servers one after the other."""
    lines = ["| weights | server | base, tok/s | adapters, tok/s |", "| --- | --- | ---: | ---: |"]
    with tempfile.TemporaryDirectory() as scratch:
        folders = [
            write_random_adapter(model, Path(scratch, f"a{i}"), rank, i) for i in range(count)
        ]
        converted = [_converted(llama_cpp, model, folder) for folder in folders] if files else []
        servers = [
            *_ours_and_llama_cpp(model, files, folders, converted, llama_server, rank),
            *([] if vllm is None else [_vllm(vllm, model, folders, rank)]),
        ]
        for server in servers:
            port = free_port()
            command = [part.replace("{port}", str(port)) for part in server.command]
            log = Path(scratch, f"{server.name}.log")
            load = server.load._replace(rounds=rounds)
            environment = server.environment
            with running(
                command, port, environment=environment, ready_path="/health", timeout=600, log=log
            ) as started:
                try:
                    rates = measure(started.url, load).values()
                except httpx.HTTPError as error:
                    end = "\n".join(log.read_text(errors="replace").splitlines()[-_LINES_OF_LOG:])
                    raise click.ClickException(f"{server.name}: {error}\n{end}") from error
            cells = [server.weights, server.name, *map(_told, rates), ""][:4]
            lines.append(f"| {' | '.join(cells)} |")
            click.echo(lines[-1])
    if write:
        text = f"{_ABOUT}\n{where_measured()}, {rounds} rounds.\n\n" + "\n".join(lines)
        write_section(workspace_root() / PAGE, "Servers", text)


def _ours_and_llama_cpp(
    model: Path,
    files: Sequence[Path],
    folders: Sequence[Path],
    converted: Sequence[Path],
    llama_server: Path,
    rank: int,
) -> Iterator[Server]:
    names = [folder.name for folder in folders]
    for file in files:
        ours = [sys.executable, "-m", "max.entrypoints.pipelines", "serve", "--model", str(model)]
        ours += ["--weight-path", str(file), "--served-model-name", "base", "--max-length", "512"]
        ours += [
            "--enable-lora",
            "--max-lora-rank",
            str(rank),
            "--max-num-loras",
            str(len(folders)),
        ]
        ours += ["--lora-paths", *(f"{folder.name}={folder}" for folder in folders)]
        yield Server("this one", file.stem, [*ours, "--port", "{port}"], Load("base", names))
        theirs = [str(llama_server), "-m", str(file), "-t", "2", "-np", "16", "-c", "8192"]
        # Else each prompt is kept once more beside its slot.
        theirs += ["--cache-ram", "0"]
        theirs += ["--port", "{port}"]
        yield Server("llama-server without adapters", file.stem, theirs, Load("base"))
        loras = ["--lora", ",".join(map(str, converted)), "--lora-init-without-apply"]
        load = Load("base", names, by_number=True)
        yield Server("llama-server", file.stem, [*theirs, *loras], load)


def _vllm(python: Path, model: Path, folders: Sequence[Path], rank: int) -> Server:
    command = [str(python), "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)]
    command += ["--served-model-name", "base", "--dtype", "bfloat16", "--max-model-len", "512"]
    command += ["--max-num-seqs", "16"]
    command += ["--enable-lora", "--max-lora-rank", str(rank), "--max-loras", str(len(folders))]
    command += ["--lora-modules", *(f"{folder.name}={folder}" for folder in folders)]
    load = Load("base", [folder.name for folder in folders])
    # It leaves cores free and takes gigabytes for its cache unless told otherwise.
    cores = os.cpu_count() or 1
    environment = {
        "VLLM_CPU_OMP_THREADS_BIND": f"0-{cores - 1}",
        "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }
    return Server("vLLM", "bfloat16", [*command, "--port", "{port}"], load, environment)


def _converted(llama_cpp: Path, model: Path, folder: Path) -> Path:
    """An adapter as llama.cpp has it."""
    file = folder / "adapter.gguf"
    program = [sys.executable, str(llama_cpp / "convert_lora_to_gguf.py"), "--outtype", "bf16"]
    subprocess.run(
        [*program, "--base", str(model), "--outfile", str(file), str(folder)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return file


def _told(rates: Sequence[float]) -> str:
    return f"{statistics.median(rates):.1f} ({min(rates):.1f} to {max(rates):.1f})"


if __name__ == "__main__":
    main()
