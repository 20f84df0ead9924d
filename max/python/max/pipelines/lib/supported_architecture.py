"""The description by which an architecture is registered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from max.graph.weights import WeightsAdapter, WeightsFormat
from max.pipelines.context import TextContext
from max.pipelines.modeling.types import InputModality, PipelineTask

if TYPE_CHECKING:
    from max.pipelines.lib.interfaces import BatchProcessor, PipelineModel
    from max.pipelines.lib.tokenizer import TextTokenizer


def _text_tokenizer(*args: Any, **kwargs: Any) -> TextTokenizer:
    from max.pipelines.lib.tokenizer import TextTokenizer

    return TextTokenizer(*args, **kwargs)


@dataclass
class SupportedArchitecture:
    """Everything that serves a family of checkpoints. Only the first three fields are required.

    Args:
        name: `architectures[0]` of the checkpoints' config.json, exactly.
        task: what the model does.
        pipeline_model: builds and runs the graph.
        example_repo_ids: Hugging Face repositories that it serves.
        default_encoding: encoding when the checkpoint leaves a choice.
        supported_encodings: encodings that the model can run; empty for those of its weights.
        tokenizer: makes the tokenizer.
        default_weights_format: format of its usual checkpoints; descriptive (where a checkpoint has
            both, safetensors files are taken unless blocks are asked for).
        context_type: the state of a request, as the tokenizer makes it; descriptive.
        config: the architecture's configuration class.
        rope_type: layout of rotary embeddings: none, normal, neox, longrope, yarn; descriptive.
        weight_adapters: for each weight format, what renames the checkpoint's weights.
        multi_gpu_supported: whether the model runs on several devices.
        input_modalities: what requests consist of; descriptive.
        required_arguments: settings that the model insists on, by name.
        context_validators: handed to the tokenizer, which calls them with each new context; they
            raise InputError to refuse it.
        batching: packs batches; without it the model packs them itself.
        memory_planner: makes the planner of the cache's pages; `PagedMemoryPlanner` unless given.
        supports_empty_batches: whether a step without requests is allowed; nothing makes one yet.
        requires_max_batch_context_length: likewise of no effect yet.
        tool_parser: reads tool calls out of the text; tools are not served yet.
        reasoning_parser: parts reasoning from the answer; not served yet.
        pipeline_cls: runs steps; the text generation pipeline unless given.
    """

    name: str
    task: PipelineTask
    pipeline_model: type[PipelineModel]
    example_repo_ids: Sequence[str] = ()
    default_encoding: str | None = None
    supported_encodings: set[str] = field(default_factory=set)
    tokenizer: Callable[..., Any] = _text_tokenizer
    default_weights_format: WeightsFormat = WeightsFormat.safetensors
    context_type: type = TextContext
    config: type[Any] | None = None
    rope_type: str = "none"
    weight_adapters: Mapping[WeightsFormat, WeightsAdapter] = field(default_factory=dict)
    multi_gpu_supported: bool = False
    input_modalities: set[InputModality] = field(default_factory=lambda: {InputModality.TEXT})
    required_arguments: Mapping[str, Any] = field(default_factory=dict)
    context_validators: Sequence[Callable[[Any], None]] = ()
    batching: type[BatchProcessor] | None = None
    memory_planner: Callable[..., Any] | None = None
    pipeline_cls: type | None = None
    supports_empty_batches: bool = False
    requires_max_batch_context_length: bool = False
    tool_parser: str | Callable[..., Any] | None = None
    reasoning_parser: str | Callable[..., Any] | None = None

    @cached_property
    def model_cls(self) -> type[PipelineModel]:
        """`pipeline_model` with this architecture's `config` and `batching`.

        A class of its own, so that several architectures may share a pipeline model.
        """
        given = {"model_config_cls": self.config, "batch_processor_cls": self.batching}
        base = self.pipeline_model
        own = {name: cls for name, cls in given.items() if cls is not None}
        return type(base.__name__, (base,), {"__module__": base.__module__, **own})

    @property
    def tokenizer_cls(self) -> type[Any]:
        """The tokenizer's class.

        Raises:
            ValueError: if `tokenizer` is a function.
        """
        if not isinstance(self.tokenizer, type):
            raise ValueError(f"the tokenizer of {self.name} is made by a function")
        return self.tokenizer
