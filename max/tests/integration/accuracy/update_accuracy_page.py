"""Measures every family against PyTorch and writes docs/accuracy.md."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

if not __package__:  # started as a file: imports begin at max/tests and max/python
    _TESTS = Path(__file__).absolute().parents[2]
    _OWN_FOLDER = 0 if sys.flags.safe_path else 1
    sys.path[:_OWN_FOLDER] = [str(_TESTS), str(_TESTS.parent / "python"), str(_TESTS.parents[1])]

import click

from integration.accuracy.embedders import Vectors, measure_vectors
from integration.accuracy.matrix import (
    QUANTIZED,
    WAYS,
    WIDE,
    Encoding,
    Measured,
    has_quantized,
    measure,
    measure_quantized,
)
from integration.test_common.every_tiny_model import EVERY_TINY_MODEL
from integration.test_common.parity import BFLOAT16_KL, FLOAT32_TOLERANCE
from integration.test_common.tiny_embedders import EMBEDDERS
from max.pipelines.lib.registry import PIPELINE_REGISTRY
from max.pipelines.modeling.types import PipelineTask
from tools.build.imports import workspace_root

PAGE = Path("docs", "accuracy.md")
_COMMAND = "./bazelw run //max/tests/integration/accuracy:update_accuracy_page"
_HEAD = f"""# Accuracy

Written by `{_COMMAND}`.

Every family's tiny models, with random weights that make mistakes show, against Hugging Face
transformers in the same encoding on the same CPU: the worst row of logits of each way of computing
them. *Whole* is a prompt of 150 tokens in one step, *by N* in chunks of N tokens, *decoding* a
prompt of 21 tokens and 12 greedy ones, *mixed batch* four requests at different stages in every
step, *prefix hit* a prompt whose first pages are in the cache. The last column says whether the
greedy tokens are the same (in bfloat16 two may be almost equally likely). Routers of
experts and bfloat16: a last bit may choose another expert, so a row may be above the limit although
float32 agrees. How to check a model of your own: [verify-accuracy.md](verify-accuracy.md).
"""
_QUANTIZED = f"""
## Quantized

What quantizing the weights of each dense family costs, with rows of {WIDE["hidden_size"]} elements:
the mean KL divergence of a prompt's tokens from PyTorch's in float32, in nats, up to the limit in
the head. Random weights lose more than trained ones, of which [gguf.md](gguf.md) tells.
"""
_EMBEDDERS = """
## Embedders

Vectors of length 1 of texts of up to 200 tokens, pooled as the tiny models' files say, against
those that transformers' rows make: the largest difference of an element in float32, the largest
cosine distance in bfloat16.
"""
_LIMITS: Mapping[Encoding, float] = {"float32": FLOAT32_TOLERANCE, "bfloat16": BFLOAT16_KL}
_WHAT: Mapping[Encoding, str] = {
    "float32": "The largest difference of a logit; logits are a few units large",
    "bfloat16": "The largest KL divergence of a token's probabilities, in nats",
}


def page(
    results: Mapping[Encoding, Sequence[Measured]],
    costs: Mapping[str, Mapping[str, float]],
    vectors: Sequence[Vectors],
) -> str:
    """The page's text, from the measurements by encoding, what quantizing costs by model, and
    embedders'."""
    versions = f"torch {version('torch')}, transformers {version('transformers')}."
    lines = [_HEAD, versions]
    for encoding, measured in results.items():
        lines += ["", f"## {encoding}", ""]
        lines += [f"{_WHAT[encoding]}; the limit is {_LIMITS[encoding]:g}.", ""]
        lines += _table(measured)
    lines += [_QUANTIZED, *_costs(costs), _EMBEDDERS, *_vectors(vectors)]
    return "\n".join(lines) + "\n"


def _table(measured: Sequence[Measured]) -> Iterator[str]:
    yield f"| family | model | {' | '.join(WAYS)} | same tokens |"
    yield f"|---|---|{'--:|' * len(WAYS)}:-:|"
    every = PIPELINE_REGISTRY.all_architectures()
    families = {a.name: a.family for a in every if a.task is PipelineTask.TEXT_GENERATION}
    for each in sorted(measured, key=lambda m: (families[m.architecture], m.model)):
        cells = " | ".join(f"{each.distances[way]:.0e}" for way in WAYS)
        tokens = "yes" if each.same_tokens else "no"
        yield f"| {families[each.architecture]} | {each.model} | {cells} | {tokens} |"


def _costs(costs: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    yield f"| model | {' | '.join(f'{name}, {limit:g}' for name, limit in QUANTIZED.items())} |"
    yield f"|---|{'--:|' * len(QUANTIZED)}"
    for name, by_encoding in sorted(costs.items()):
        yield f"| {name} | {' | '.join(f'{by_encoding[e]:.0e}' for e in QUANTIZED)} |"


def _vectors(vectors: Sequence[Vectors]) -> Iterator[str]:
    yield "| family | together | alone | bfloat16 |"
    yield "|---|--:|--:|--:|"
    for each in vectors:
        yield f"| {each.family} | {each.together:.0e} | {each.alone:.0e} | {each.cosine:.0e} |"


@click.command(help=__doc__)
def main() -> None:
    """Exits with 1 if a limit is exceeded; the page is written all the same."""
    from tqdm import tqdm

    results: dict[Encoding, list[Measured]] = {encoding: [] for encoding in _LIMITS}
    with tempfile.TemporaryDirectory() as scratch:
        for name, model in tqdm(EVERY_TINY_MODEL.items(), unit="model", disable=None):
            for encoding, measured in results.items():
                measured.append(measure(model, encoding, Path(scratch, f"{name}-{encoding}")))
        costs = {
            name: measure_quantized(model, Path(scratch, f"{name}-quantized"))
            for name, model in tqdm(EVERY_TINY_MODEL.items(), unit="model", disable=None)
            if has_quantized(name)
        }
        vectors = [measure_vectors(family, Path(scratch, family)) for family in EMBEDDERS]
    (workspace_root() / PAGE).write_text(page(results, costs, vectors), encoding="utf-8")
    exceeding = [
        f"{each.model} in {encoding}, {way}: {value:.1e}"
        for encoding, measured in results.items()
        for each in measured
        for way, value in each.distances.items()
        if not value <= _LIMITS[encoding]
    ]
    exceeding += [
        f"{name} in {encoding}: {cost:.1e}"
        for name, by_encoding in costs.items()
        for encoding, cost in by_encoding.items()
        if not cost <= QUANTIZED[encoding]
    ]
    exceeding += [
        f"{each.family}'s vectors: {max(each.together, each.alone):.1e}"
        for each in vectors
        if not max(each.together, each.alone) <= FLOAT32_TOLERANCE
    ]
    click.echo("\n".join([f"wrote {PAGE}", *exceeding]))
    sys.exit(1 if exceeding else 0)


if __name__ == "__main__":
    main()
