"""Measures a decoder of each family, all with layers of a billion-weight model's sizes.

python3 -m tools.benchmarks.measure_families [--family NAME ...] [--rounds N]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, TypeVar

import click

from tools.benchmarks.offline.random_models import FAMILIES, matrix_weights, write_random_model
from tools.benchmarks.page_sections import where_measured, write_section
from tools.build.imports import workspace_root

PAGE = Path("docs", "benchmarks", "families.md")
_TITLE = "Speed"
_ABOUT = """Layers of a billion-weight model's sizes (hidden size 2048, MLP 8192, 32 heads of 64
and 8 of keys, 4 layers, 16384 tokens) with each family's mathematics, in bfloat16: decoding after
128 tokens and a prompt of 512, as shares of the rate of reading memory by the bytes of weights of
a step, and of the rate of products in registers by the products of the matrices, both measured in
the same seconds. *Beside Llama* is the difference of the shares in points; the aim is not to be
more than 5 below. InternLM2 and MiniCPM run Llama's and Granite's graphs.

    python3 -m tools.benchmarks.measure_families --write
"""
_BASE = "llama3"
_Result = TypeVar("_Result")
_PROMPT, _CONTEXT = 512, 128


class Speed(NamedTuple):
    """One family's rates in tokens per second, and their shares of what the machine allowed."""

    decode: float
    decode_share: float
    prefill: float
    prefill_share: float


@click.command()
@click.option("--family", "families", multiple=True, type=click.Choice(list(FAMILIES)))
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option(
    "--models",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder in which models are kept, and looked for; 0.6 GB each.",
)
@click.option("--write", is_flag=True, help=f"Put the table into {PAGE}.")
def main(families: tuple[str, ...], rounds: int, models: Path | None, write: bool) -> None:
    """Measure families in bfloat16, in turns, and print a table in Markdown.

    Llama is measured in each round, whichever families are asked for.
    """
    names = list(dict.fromkeys([_BASE, *(families or FAMILIES)]))
    speeds: dict[str, list[Speed]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: Path(models or scratch, name) for name in names}
        for name, folder in folders.items():
            if not folder.exists():
                _run(write_random_model, name, folder)
        for _ in range(rounds):
            for name, folder in folders.items():
                speed = _run(measure_model, folder)
                click.echo(f"{name}: {speed}", err=True)
                speeds[name].append(speed)
    lines = list(table(speeds))
    click.echo("\n".join(lines))
    if write:
        text = "\n".join([_ABOUT, f"{where_measured()}, {rounds} rounds.", "", *lines])
        write_section(workspace_root() / PAGE, _TITLE, text)


def _run(function: Callable[..., _Result], *arguments: object) -> _Result:
    """Calls it in a process of its own: what one model leaves in memory is no other's."""
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        return pool.submit(function, *arguments).result()


def measure_model(folder: Path) -> Speed:
    """Loads a model in bfloat16 and measures it."""
    from max.pipelines.config import PipelineConfig
    from tools.benchmarks.offline.measure import Sizes, measure

    sizes = Sizes(prefill=(_PROMPT,), first_token=(), contexts=(_CONTEXT,), streams=())
    config = PipelineConfig.from_flat_kwargs(
        model_path=str(folder),
        quantization_encoding="bfloat16",
        device_specs="cpu",
        max_length=sizes.longest,
        max_batch_size=1,
        enable_prefix_caching=False,
    )
    metrics = measure(config, sizes, 2.0 * matrix_weights(folder)).metrics
    decode, prefill = (metrics[name] for name in (f"decode_{_CONTEXT}", f"prefill_{_PROMPT}"))
    return Speed(
        decode,
        decode / metrics[f"decode_{_CONTEXT}_bound"],
        prefill,
        prefill / metrics[f"prefill_{_PROMPT}_bound"],
    )


def table(speeds: Mapping[str, Sequence[Speed]]) -> Iterator[str]:
    """Lines of Markdown: medians of the rounds, and points beside Llama's share."""
    yield (
        "| family | decode, tok/s | of the bound | beside Llama | prompt, tok/s | of the bound "
        "| beside Llama |"
    )
    yield f"| --- |{' ---: |' * 6}"
    medians = {
        name: Speed(*map(statistics.median, zip(*rounds, strict=True)))
        for name, rounds in speeds.items()
    }
    base = medians[_BASE]
    for name, speed in medians.items():
        decode, prefill = (
            f"{rate:.1f} | {share:.0%} | {100 * (share - base_share):+.0f}"
            for rate, share, base_share in (
                (speed.decode, speed.decode_share, base.decode_share),
                (speed.prefill, speed.prefill_share, base.prefill_share),
            )
        )
        yield f"| {name} | {decode} | {prefill} |"


if __name__ == "__main__":
    sys.exit(main())
