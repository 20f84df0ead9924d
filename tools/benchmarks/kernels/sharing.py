"""How a model's steps would be shared among more cores than there are: jobs, idle time.

python3 -m tools.benchmarks.kernels.sharing --model MODEL
"""

from __future__ import annotations

import statistics
import sys
import time

import click
import numpy as np

from max.benchmark.table import markdown
from max.pipelines.config import PipelineConfig
from max.pipelines.context import EOSTracker, SamplingParams, TextContext, TokenBuffer
from max.pipelines.lib import PIPELINE_REGISTRY, TextGenerationPipeline
from max.pipelines.modeling.task import PipelineTask
from max.pipelines.modeling.types import TextGenerationInputs
from tools.benchmarks.kernels.counted_pool import Job, counted_pool

_HEAD = ["step", "threads", "jobs", "of one chunk per thread or less", "idle", "speed-up at most"]


@click.command()
@click.option("--model", required=True, help="Folder or file of the model.")
@click.option("--context", type=click.IntRange(min=1), default=128, show_default=True)
@click.option("--prompt", type=click.IntRange(min=2), default=256, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), multiple=True, default=(2, 8, 16, 32, 64))
def main(model: str, context: int, prompt: int, threads: tuple[int, ...]) -> None:
    """Run a decoding step and a prompt on one thread, and share their pieces among more."""
    config = PipelineConfig.from_flat_kwargs(
        model_path=model, max_length=context + prompt + 8, max_batch_size=1
    )
    _, pipeline = PIPELINE_REGISTRY.retrieve(config, PipelineTask.TEXT_GENERATION)
    assert isinstance(pipeline, TextGenerationPipeline)
    rows = []
    for count in threads:
        jobs, seconds = _step(pipeline, context, count, is_decode=True)
        rows.append([f"decode after {context}", str(count), *shared(jobs, seconds, count)])
    for count in threads:
        jobs, seconds = _step(pipeline, prompt, count, is_decode=False)
        rows.append([f"prompt of {prompt}", str(count), *shared(jobs, seconds, count)])
    click.echo(markdown(_HEAD, rows))


def shared(jobs: list[Job], seconds: float, threads: int) -> list[str]:
    """Jobs of a step; those with too few chunks; idle time of the threads; seconds saved.

    Args:
        jobs: of the step.
        seconds: that it took, with what no job has.
        threads: that share the jobs.
    """
    work = sum(sum(job.chunks) for job in jobs)
    waited = sum(job.seconds(threads) for job in jobs)
    few = sum(len(job.chunks) <= threads for job in jobs)
    alone = max(0.0, seconds - work)
    idle = 1 - work / (threads * waited) if waited else 0.0
    return [str(len(jobs)), str(few), f"{idle:.0%}", f"{seconds / (alone + waited):.1f}x"]


def _step(
    pipeline: TextGenerationPipeline, length: int, threads: int, *, is_decode: bool
) -> tuple[list[Job], float]:
    """The jobs of the second of two equal steps, and its seconds."""
    found: tuple[list[Job], float] = ([], 0.0)
    tokens = np.random.default_rng(0).integers(5, 200, length + 1)
    for _ in range(2):
        ctx = TextContext(
            tokens=TokenBuffer(tokens),
            max_length=length + 4,
            eos_tracker=EOSTracker(ignore_eos=True),
            sampling_params=SamplingParams(temperature=0.0),
        )
        manager = pipeline.kv_manager
        manager.claim(ctx.request_id)
        for chunk in (length, 1) if is_decode else (length + 1,):
            ctx.tokens.chunk(chunk)
            manager.alloc(ctx)
            with counted_pool(threads) as jobs:
                began = time.perf_counter()
                pipeline.execute(TextGenerationInputs(batches=[[ctx]]))
                seconds = time.perf_counter() - began
            found = _without_interruptions(jobs, seconds)
        pipeline.release(ctx.request_id)
        manager.reset_prefix_cache()
    return found


def _without_interruptions(jobs: list[Job], seconds: float) -> tuple[list[Job], float]:
    """Each job with chunks like its median one: another program may have held one up."""
    steady = [Job([statistics.median(job.chunks)] * len(job.chunks)) for job in jobs]
    before, after = (sum(sum(job.chunks) for job in each) for each in (jobs, steady))
    return steady, seconds - before + after


if __name__ == "__main__":
    sys.exit(main())
