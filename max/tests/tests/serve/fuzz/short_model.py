"""The scripted model behind the real tokenizer, with a context so short that no answer is long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from max.pipelines.lib.tokenizer import TextTokenizer
from max.serve.model_source import ModelParts, ModelSource
from tests.serve.scripted_model import MODEL_NAME, ScriptedPipeline, make_pipeline, make_plan

MAX_LENGTH = 1024


def make_short_pipeline(folder: Path, on_phase: Callable[[str], None]) -> ScriptedPipeline:
    """The scripted pipeline with the short context."""
    return replace(make_pipeline(folder, on_phase), plan=make_plan(max_length=MAX_LENGTH))


def short_source(folder: Path) -> ModelSource:
    """The model as something to serve.

    Args:
        folder: What `write_model_folder` wrote.
    """

    def retrieve() -> ModelParts:
        tokenizer = TextTokenizer(folder, max_length=MAX_LENGTH)
        return ModelParts(tokenizer, partial(make_short_pipeline, folder), {})

    return ModelSource(MODEL_NAME, retrieve)
