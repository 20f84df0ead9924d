"""Which model is served and how it is had."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from max.pipelines.config.lora_config import LoRAConfig
from max.pipelines.context import TextContext
from max.pipelines.lib.stream_decoder import DecodesAfterText
from max.pipelines.lib.tokenizer import PromptText, TextTokenizer
from max.pipelines.modeling.types import (
    PipelineTask,
    TextGenerationRequest,
    TextGenerationRequestMessage,
)
from max.pipelines.parsing.registry import AnswerFormats, formats_for
from max.serve.adapters import check_adapters
from max.serve.messages import Adapter
from max.serve.worker.interface import PipelineBuilder, ServablePipeline

if TYPE_CHECKING:
    from max.pipelines.config import PipelineConfig


class ServingTokenizer(DecodesAfterText, Protocol):
    """What serving needs of a tokenizer; `TextTokenizer` has it, and says what each method does."""

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """The tokens that no text of the model's stands for, by what they are called."""
        ...

    async def new_context(self, request: TextGenerationRequest) -> TextContext:
        """Makes the state of a new request.

        Raises:
            InputError: The request cannot be served as given.
        """
        ...

    async def render(
        self,
        messages: Sequence[TextGenerationRequestMessage],
        tools: Sequence[dict[str, Any]] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> PromptText:
        """The text that a conversation is encoded as."""
        ...

    async def encode(
        self,
        prompt: str,
        add_special_tokens: bool = True,
        cuts: Sequence[int] = (),
        *,
        most: int | None = None,
    ) -> NDArray[np.int64]:
        """The token ids of a text."""
        ...

    async def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens."""
        ...

    async def token_strings_of(self, tokens: Sequence[int]) -> list[str]:
        """As `token_strings`, while the event loop goes on."""
        ...

    def token_strings(self, tokens: Sequence[int]) -> list[str]:
        """The tokens as the vocabulary writes them."""
        ...

    def check_token_ids(self, param: str, ids: Sequence[int]) -> None:
        """Raises `InputError` for a token id that the model does not know."""
        ...


class ModelParts(NamedTuple):
    """What the two processes need: the tokenizer here, the factory in the worker.

    The tokenizer is made while the worker loads the model. `weights_bytes` is memory that the model
    will certainly take on the host, as far as that is known without loading it. `make_formats` says
    how the model writes reasoning and tool calls, `task` is what it does, `adapters` are loaded
    beside it.
    """

    make_tokenizer: Callable[[], ServingTokenizer]
    factory: PipelineBuilder
    sampling_defaults: Mapping[str, Any]
    weights_bytes: int = 0
    make_formats: Callable[[ServingTokenizer], AnswerFormats] = lambda _: AnswerFormats()
    task: PipelineTask = PipelineTask.TEXT_GENERATION
    adapters: Sequence[Adapter] = ()


@dataclass(frozen=True)
class ModelSource:
    """A model that is to be served.

    Attributes:
        name: The name that requests use.
        retrieve: Finds or downloads the model's files and gives its parts. The factory among
            them is picklable: it runs in the worker. May take minutes.
        allow_extra_fields: Ignore unknown fields of requests.
        enable_echo: The model gives log probabilities of prompts, so completions may echo them.
        enable_structured_output: Requests may say what form their answers have.
        lora: Whether it takes adapters, and which from the start.
        preload: Modules that the worker imports while `retrieve` runs, to save time.
    """

    name: str
    retrieve: Callable[[], ModelParts] = field(repr=False)
    allow_extra_fields: bool = False
    enable_echo: bool = False
    enable_structured_output: bool = False
    preload: tuple[str, ...] = ()
    lora: LoRAConfig = field(default_factory=LoRAConfig)


def configured_model(pipeline_config: PipelineConfig, preload: tuple[str, ...] = ()) -> ModelSource:
    """The model that a configuration describes, through the registry; `preload`: see there."""

    def retrieve() -> ModelParts:
        from max.pipelines.lib.registry import PIPELINE_REGISTRY
        from max.pipelines.lib.weight_memory import bytes_to_reserve

        model = pipeline_config.model
        _ = model.resolved_weight_paths  # Downloaded once, here.
        return ModelParts(
            partial(_load_tokenizer, pipeline_config),
            partial(_build_pipeline, pipeline_config),
            model.sampling_params_defaults.values_to_update,
            bytes_to_reserve(model),
            partial(_formats, pipeline_config),
            PIPELINE_REGISTRY.resolve(pipeline_config).task,
            check_adapters(pipeline_config.lora),
        )

    return ModelSource(
        name=pipeline_config.model.model_name,
        retrieve=retrieve,
        allow_extra_fields=pipeline_config.runtime.allow_extra_request_fields,
        enable_echo=pipeline_config.model.enable_echo,
        enable_structured_output=pipeline_config.sampling.enable_structured_output,
        preload=preload,
        lora=pipeline_config.lora,
    )


def _load_tokenizer(pipeline_config: PipelineConfig) -> ServingTokenizer:
    """The tokenizer, with everything that a request may need of it."""
    from max.pipelines.lib.registry import PIPELINE_REGISTRY

    tokenizer: ServingTokenizer = PIPELINE_REGISTRY.retrieve_tokenizer(
        pipeline_config,
        control_tokens_are_text=not pipeline_config.runtime.parse_control_tokens,
    )
    if isinstance(tokenizer, TextTokenizer):
        tokenizer.load_chat_template()
    return tokenizer


def _formats(pipeline_config: PipelineConfig, tokenizer: ServingTokenizer) -> AnswerFormats:
    """How the model writes what is not content: by flags, its architecture or its chat template."""
    from max.pipelines.lib.registry import PIPELINE_REGISTRY

    architecture = PIPELINE_REGISTRY.resolve(pipeline_config)
    runtime = pipeline_config.runtime
    template = tokenizer.template_text if isinstance(tokenizer, TextTokenizer) else ""
    return formats_for(
        template,
        runtime.tool_parser or architecture.tool_parser,
        runtime.reasoning_parser or architecture.reasoning_parser,
    )


def _build_pipeline(
    pipeline_config: PipelineConfig, *, on_phase: Callable[[str], None]
) -> ServablePipeline:
    """Makes the pipeline in the worker; this process need not import what that takes."""
    from max.pipelines.lib.registry import PipelineFactory

    return PipelineFactory(pipeline_config)(on_phase=on_phase)
