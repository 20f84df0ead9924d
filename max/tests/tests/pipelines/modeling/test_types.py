"""The documented names are there, and cost nothing to import."""

from __future__ import annotations

import subprocess
import sys

from max.pipelines.context import TextContext, TokenBuffer
from max.pipelines.modeling.types import PipelineTask, TextGenerationInputs

HEAVY = ("torch", "transformers", "huggingface_hub", "tokenizers")


def test_imports_are_light() -> None:
    program = (
        "import sys, max.pipelines.modeling.types, max.pipelines.context\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "[]"


def test_inputs_can_be_subscripted() -> None:
    first = TextContext(max_length=9, tokens=TokenBuffer([1]))
    second = TextContext(max_length=9, tokens=TokenBuffer([2]))
    inputs = TextGenerationInputs[TextContext](batches=[[first], [], [second]])
    assert inputs.flat_batch == [first, second]


def test_tasks_are_named_as_on_the_command_line() -> None:
    assert str(PipelineTask.TEXT_GENERATION) == "text_generation"
    assert PipelineTask("undefined") is PipelineTask.UNDEFINED
