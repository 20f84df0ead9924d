"""The names that model code and callers use to talk about requests and tasks."""

from max.pipelines.context.outputs import LogProbabilities, TextGenerationOutput
from max.pipelines.context.sampling_params import SamplingParams
from max.pipelines.context.status import GenerationStatus
from max.pipelines.modeling.inputs import TextGenerationInputs
from max.pipelines.modeling.interfaces import Pipeline, PipelineTokenizer
from max.pipelines.modeling.request_id import RequestID
from max.pipelines.modeling.requests import TextGenerationRequest, TextGenerationRequestMessage
from max.pipelines.modeling.task import InputModality, PipelineTask

__all__ = [
    "GenerationStatus",
    "InputModality",
    "LogProbabilities",
    "Pipeline",
    "PipelineTask",
    "PipelineTokenizer",
    "RequestID",
    "SamplingParams",
    "TextGenerationInputs",
    "TextGenerationOutput",
    "TextGenerationRequest",
    "TextGenerationRequestMessage",
]
