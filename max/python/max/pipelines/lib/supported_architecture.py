"""The description by which an architecture is registered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from max.graph.weights.format import WeightsFormat
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.config import PipelineConfig
from max.pipelines.context import TextContext
from max.pipelines.lib.symbols import Symbol, is_symbol_name, module_of
from max.pipelines.lib.utils import bounded_max_length
from max.pipelines.modeling.config_enums import loadable_encodings
from max.pipelines.modeling.types import InputModality, PipelineTask

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from max.graph.weights import WeightsAdapter
    from max.pipelines.lib.interfaces import BatchProcessor, PipelineModel


# What a decoder made of `max.nn` runs in: plain elements, or any encoding of blocks.
DECODER_ENCODINGS = frozenset(loadable_encodings())
_DECODER_WEIGHTS = "max.pipelines.lib.decoder_weights"
_EXPERT_WEIGHTS = "max.pipelines.lib.expert_weights"


@dataclass(repr=False)
class SupportedArchitecture:
    """Everything that serves a family of checkpoints. Only the first three fields are required.

    Classes and functions may be given by name, as "module:Symbol": they are imported when they are
    first used, and the architecture can be listed and settled without torch.

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
        max_length: what `pipeline_model.calculate_max_seq_len` gives, without importing it: the
            process that answers HTTP need not import the model then.
        config_fields: the fields of config.json that its configuration class knows; files of the
            same `model_type` are read without transformers.
        gguf: how its GGUF files describe a model; None if they cannot be served alone.
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
        tool_parser: the format of its models' tool calls, or its name; found by the template unless
            given.
        reasoning_parser: how its models mark their reasoning; likewise.
        pipeline_cls: runs steps; the pipeline of the task unless given.
    """

    name: str
    task: PipelineTask
    pipeline_model: Symbol[type[PipelineModel]] = Symbol()
    example_repo_ids: Sequence[str] = ()
    default_encoding: str | None = None
    supported_encodings: set[str] = field(default_factory=set)
    tokenizer: Symbol[Callable[..., Any]] = Symbol("max.pipelines.lib.tokenizer:TextTokenizer")
    default_weights_format: WeightsFormat = WeightsFormat.safetensors
    context_type: type = TextContext
    config: Symbol[type[Any] | None] = Symbol(None)
    max_length: Callable[[PipelineConfig, PretrainedConfig], int] | None = None
    config_fields: ConfigFields | None = None
    gguf: GGUFFamily | None = None
    rope_type: str = "none"
    weight_adapters: Symbol[Mapping[WeightsFormat, WeightsAdapter]] = Symbol({})
    multi_gpu_supported: bool = False
    input_modalities: set[InputModality] = field(default_factory=lambda: {InputModality.TEXT})
    required_arguments: Mapping[str, Any] = field(default_factory=dict)
    context_validators: Sequence[Callable[[Any], None]] = ()
    batching: Symbol[type[BatchProcessor] | None] = Symbol(None)
    memory_planner: Symbol[Callable[..., Any] | None] = Symbol(None)
    pipeline_cls: Symbol[type | None] = Symbol(None)
    supports_empty_batches: bool = False
    requires_max_batch_context_length: bool = False
    tool_parser: str | Callable[..., Any] | None = None
    reasoning_parser: str | Callable[..., Any] | None = None

    def __repr__(self) -> str:
        return f"SupportedArchitecture({self.name!r}, {self.task})"

    @property
    def package(self) -> str:
        """The package that its model is in, `max.pipelines.architectures.llama3`; imports none."""
        return module_of(vars(self)["pipeline_model"]).rpartition(".")[0]

    @property
    def family(self) -> str:
        """The name of that package's folder."""
        return self.package.rpartition(".")[2]

    @property
    def tokenizer_cls(self) -> type[Any]:
        """The tokenizer's class.

        Raises:
            ValueError: if `tokenizer` is a function.
        """
        if not isinstance(self.tokenizer, type):
            raise ValueError(f"the tokenizer of {self.name} is made by a function")
        return self.tokenizer

    @cached_property
    def model_cls(self) -> type[PipelineModel]:
        """`pipeline_model` with this architecture's `config` and `batching`.

        A subclass of it where it has others: one class may serve several architectures.

        Raises:
            TypeError: if it is no PipelineModel, or has hooks of earlier releases.
        """
        from max.pipelines.lib.interfaces import PipelineModel
        from max.pipelines.lib.retired_hooks import refuse_retired_hooks

        model = self.pipeline_model
        if not (isinstance(model, type) and issubclass(model, PipelineModel)):
            raise TypeError(
                f"pipeline_model of '{self.name}' must be a subclass of PipelineModel, "
                f"got {model!r}"
            )
        refuse_retired_hooks(self.name, model)
        given = {"model_config_cls": self.config, "batch_processor_cls": self.batching}
        own = {k: v for k, v in given.items() if v is not None and getattr(model, k) is not v}
        if not own:
            return model
        copied = {"__module__": model.__module__, "__doc__": model.__doc__}
        return type(model.__name__, (model,), copied | own)

    def check(self) -> None:
        """Refuses classes of a wrong kind, as far as they are given and not named.

        Raises:
            TypeError: if `pipeline_model` is no PipelineModel, or `tokenizer` makes nothing.
        """
        if not is_symbol_name(vars(self)["pipeline_model"]):
            _ = self.model_cls
        tokenizer = vars(self)["tokenizer"]
        if not (is_symbol_name(tokenizer) or callable(tokenizer)):
            raise TypeError(
                f"tokenizer of '{self.name}' must be a class or a function that makes a "
                f"tokenizer, got {tokenizer!r}"
            )

    def max_length_of(self, config: PipelineConfig) -> int:
        """Most tokens of a request, prompt and output together.

        Raises:
            ValueError: if `--max-length` is more than the model can do.
        """
        huggingface_config = config.model.huggingface_config
        if self.max_length is not None and is_symbol_name(vars(self)["pipeline_model"]):
            return self.max_length(config, huggingface_config)
        return self.model_cls.calculate_max_seq_len(config, huggingface_config)


def decoder_architecture(**settings: Any) -> SupportedArchitecture:
    """The description of a decoder made of `DecoderModel` and `DecoderConfig`.

    Args:
        settings: of `SupportedArchitecture`; those that are alike for most decoders may be left
            out: task, encodings, lengths, batching, names of weights.
    """
    usual: dict[str, Any] = {
        "task": PipelineTask.TEXT_GENERATION,
        "default_encoding": "bfloat16",
        "supported_encodings": set(DECODER_ENCODINGS),
        "max_length": bounded_max_length,
        "batching": "max.pipelines.lib.interfaces:RaggedBatchProcessor",
        "weight_adapters": decoder_adapters(),
    }
    return SupportedArchitecture(**{**usual, **settings})


def decoder_adapters(
    safetensors: str = f"{_DECODER_WEIGHTS}:convert_safetensors",
    gguf: str = f"{_DECODER_WEIGHTS}:convert_gguf",
) -> dict[WeightsFormat, str]:
    """What gives a decoder's weights our names, by format, as "module:function"."""
    return {WeightsFormat.safetensors: safetensors, WeightsFormat.gguf: gguf}


def expert_adapters(
    safetensors: str = f"{_EXPERT_WEIGHTS}:convert_safetensors",
    gguf: str = f"{_EXPERT_WEIGHTS}:convert_gguf",
) -> dict[WeightsFormat, str]:
    """As `decoder_adapters`, of a decoder with experts."""
    return decoder_adapters(safetensors, gguf)
