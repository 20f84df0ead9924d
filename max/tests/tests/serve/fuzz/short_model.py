"""The scripted model behind the real tokenizer, with a context so short that no answer is long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path

from msgspec import structs

from max.pipelines.context import LogProbabilities, TextContext, TextGenerationOutput
from max.pipelines.lib.tokenizer import TextTokenizer
from max.pipelines.modeling.types import RequestID, TextGenerationInputs
from max.serve.model_source import ModelParts, ModelSource
from tests.serve.scripted_model import MODEL_NAME, ScriptedPipeline, make_pipeline, make_plan

MAX_LENGTH = 1024


class ShortPipeline(ScriptedPipeline):
    """Gives log probabilities too: all tokens are equally likely."""

    def execute(
        self, inputs: TextGenerationInputs[TextContext]
    ) -> dict[RequestID, TextGenerationOutput]:
        outputs = super().execute(inputs)
        for context in inputs.flat_batch:
            if context.log_probabilities is not None:
                output = outputs[context.request_id]
                best = dict.fromkeys(range(context.log_probabilities), -1.0)
                scores = [LogProbabilities([-1.0], [best]) for _ in output.tokens]
                outputs[context.request_id] = structs.replace(output, log_probabilities=scores)
        return outputs


def make_short_pipeline(folder: Path, on_phase: Callable[[str], None]) -> ShortPipeline:
    """The scripted pipeline with the short context."""
    pipeline = make_pipeline(folder, on_phase)
    parts = {field.name: getattr(pipeline, field.name) for field in fields(pipeline)}
    return ShortPipeline(**parts | {"plan": make_plan(max_length=MAX_LENGTH)})


def short_source(folder: Path) -> ModelSource:
    """The model as something to serve.

    Args:
        folder: What `write_model_folder` wrote.
    """

    def retrieve() -> ModelParts:
        make_tokenizer = partial(TextTokenizer, folder, max_length=MAX_LENGTH)
        return ModelParts(make_tokenizer, partial(make_short_pipeline, folder), {})

    return ModelSource(MODEL_NAME, retrieve)
