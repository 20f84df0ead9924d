"""Tests of `max.serve.worker.warm_up`."""

from __future__ import annotations

from pathlib import Path

from max.pipelines.context import TextContext, TextGenerationOutput
from max.pipelines.modeling.types import RequestID, TextGenerationInputs
from max.serve.worker.warm_up import warm_up
from tests.serve.scripted_model import ScriptedPipeline, make_pipeline, scheduler_of


class CountingPipeline(ScriptedPipeline):
    """Keeps how many tokens each request of each step computes."""

    steps: list[list[int]]

    def execute(
        self, inputs: TextGenerationInputs[TextContext]
    ) -> dict[RequestID, TextGenerationOutput]:
        self.steps.append([context.tokens.active_length for context in inputs.flat_batch])
        return super().execute(inputs)


def make_counting(model_folder: Path) -> CountingPipeline:
    base = make_pipeline(model_folder)
    pipeline = CountingPipeline(base.tokenizer, base.pipeline_config, base.kv_manager, base.plan)
    pipeline.steps = []
    return pipeline


def test_prefills_and_decodes_and_leaves_nothing(model_folder: Path) -> None:
    pipeline = make_counting(model_folder)
    scheduler = scheduler_of(pipeline)

    warm_up(pipeline, scheduler)

    assert len(pipeline.steps[0]) == 2
    assert min(pipeline.steps[0]) > 1
    assert pipeline.steps[1:] == [[1, 1]] * 2
    assert not scheduler.has_work
    pipeline.kv_manager.check_integrity()
    assert pipeline.kv_manager.num_free_pages == pipeline.kv_manager.total_num_pages


def test_batches_of_one_are_enough_for_it(model_folder: Path) -> None:
    pipeline = make_counting(model_folder)

    warm_up(pipeline, scheduler_of(pipeline, max_batch_size=1))

    assert [len(step) for step in pipeline.steps] == [1, 1, 1]


def test_model_for_a_few_tokens_is_not_warmed_up(model_folder: Path) -> None:
    pipeline = make_counting(model_folder)

    warm_up(pipeline, scheduler_of(pipeline, max_seq_len=8))

    assert pipeline.steps == []
