"""The state of a request: tokens, sampling parameters, stop rules, results."""

from max.pipelines.context.constraint import Constraint
from max.pipelines.context.eos import EOSTracker
from max.pipelines.context.exceptions import InputError, PromptTooLongError
from max.pipelines.context.logits_processing import LogitsProcessor, ProcessorInputs
from max.pipelines.context.outputs import (
    NO_SCORES,
    LogProbabilities,
    StepScores,
    TextGenerationOutput,
)
from max.pipelines.context.sampling_params import SamplingParams
from max.pipelines.context.status import GenerationStatus
from max.pipelines.context.text_context import TextContext
from max.pipelines.context.tokens import TokenBuffer

__all__ = [
    "NO_SCORES",
    "Constraint",
    "EOSTracker",
    "GenerationStatus",
    "InputError",
    "LogProbabilities",
    "LogitsProcessor",
    "ProcessorInputs",
    "PromptTooLongError",
    "SamplingParams",
    "StepScores",
    "TextContext",
    "TextGenerationOutput",
    "TokenBuffer",
]
