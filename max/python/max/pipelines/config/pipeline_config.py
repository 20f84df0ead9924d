"""The whole configuration of a pipeline."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, Protocol, Self

from pydantic import Field, ValidationError

from max.pipelines.config.base import ConfigModel
from max.pipelines.config.config_file import load_config_file, merge_sections
from max.pipelines.config.errors import describe_validation_error
from max.pipelines.config.flat_fields import known_names, spread_flat_kwargs
from max.pipelines.config.lora_config import LoRAConfig
from max.pipelines.config.model_config import MAXModelConfig
from max.pipelines.config.profiling_config import ProfilingConfig
from max.pipelines.config.runtime_config import PipelineRuntimeConfig
from max.pipelines.config.sampling_config import SamplingConfig
from max.pipelines.config.speculative_config import SpeculativeConfig
from max.pipelines.modeling.errors import ConfigurationError
from max.pipelines.modeling.task import PipelineTask

logger = logging.getLogger("max.pipelines")


class ModelManifest(NamedTuple):
    """The models of a pipeline."""

    model: MAXModelConfig
    draft_model: MAXModelConfig | None = None


class ArchitectureTraits(Protocol):
    """What `PipelineConfig.resolve` reads of a `SupportedArchitecture`."""

    @property
    def name(self) -> str: ...
    @property
    def default_encoding(self) -> str | None: ...
    @property
    def supported_encodings(self) -> Collection[str]: ...
    @property
    def multi_gpu_supported(self) -> bool: ...
    @property
    def required_arguments(self) -> Mapping[str, Any]: ...


class PipelineConfig(ConfigModel):
    """Model, sampling, runtime and the rest; `from_flat_kwargs` builds it from plain arguments."""

    model: MAXModelConfig = Field(default_factory=MAXModelConfig, description="The model.")
    sampling: SamplingConfig = Field(default_factory=SamplingConfig, description="The sampler.")
    runtime: PipelineRuntimeConfig = Field(
        default_factory=PipelineRuntimeConfig, description="Batching and limits."
    )
    lora: LoRAConfig = Field(default_factory=LoRAConfig, description="LoRA adapters.")
    speculative: SpeculativeConfig = Field(
        default_factory=SpeculativeConfig, description="Speculative decoding."
    )
    profiling: ProfilingConfig = Field(default_factory=ProfilingConfig, description="Profiling.")
    task: PipelineTask = Field(
        default=PipelineTask.UNDEFINED,
        description="What the model does; the architecture's task when not given.",
    )

    @classmethod
    def from_flat_kwargs(
        cls, *, config_file: str | None = None, section_name: str | None = None, **kwargs: object
    ) -> Self:
        """Builds a configuration from arguments by the fields' plain names, as the flags are.

        `model` is the same as `model_path`, `devices` as `device_specs`. The name of a part takes
        the whole part.

        Args:
            config_file: YAML file with a section per part; the other arguments win over it.
            section_name: the top-level key of the file that holds the configuration.
            kwargs: `model_path="demo"`, `max_length=512`, `runtime={"max_batch_size": 4}`, ...

        Raises:
            ConfigurationError: if a name is unknown (names the nearest) or a value is not allowed.
        """
        sections = spread_flat_kwargs(cls, kwargs)
        if config_file is not None:
            sections = merge_sections(load_config_file(cls, config_file, section_name), sections)
        elif section_name is not None:
            raise ConfigurationError("section_name (--section-name) needs a config_file")
        try:
            return cls.model_validate(sections)
        except ValidationError as error:
            message = describe_validation_error(error, known_names(cls))
            raise ConfigurationError(message) from error

    @property
    def models(self) -> ModelManifest:
        """The models of the pipeline."""
        return ModelManifest(self.model)

    def resolve(
        self, architecture: ArchitectureTraits, draft_architecture: ArchitectureTraits | None = None
    ) -> None:
        """Settles what depends on architecture and device: arguments, token budget, the encoding.

        Raises:
            ConfigurationError: if the configuration does not fit the architecture.
            ModelSourceError: if the weights cannot be had or read.
        """
        if draft_architecture is not None:
            raise ConfigurationError("a draft model is not supported in this release")
        self._apply_required_arguments(architecture)
        if len(self.model.device_specs) > 1 and not architecture.multi_gpu_supported:
            raise ConfigurationError(
                f"Multiple GPU inference is currently not supported for {self.model.model_path}. "
                "Select one device with --devices, as in --devices gpu:0."
            )
        self.runtime.resolve(self.model.device_specs[0].device_type)
        self.model.resolve_encoding(architecture.default_encoding, architecture.supported_encodings)

    def _apply_required_arguments(self, architecture: ArchitectureTraits) -> None:
        parts: tuple[ConfigModel, ...] = (
            self,
            self.runtime,
            self.model,
            self.sampling,
            self.model.kv_cache,
        )
        for name, value in architecture.required_arguments.items():
            owner = next((part for part in parts if name in type(part).model_fields), None)
            if owner is None:
                raise ConfigurationError(
                    f"architecture '{architecture.name}' requires {name}={value!r}, "
                    "but no configuration has that field"
                )
            old = getattr(owner, name)
            if old != value:
                # Whoever left a setting alone is not told of what the model needs anyway.
                is_asked_for = name in owner.model_fields_set
                logger.log(
                    logging.WARNING if is_asked_for else logging.DEBUG,
                    "Architecture '%s' requires %s.%s=%s, overriding current value %s",
                    architecture.name,
                    type(owner).__name__,
                    name,
                    value,
                    old,
                )
                try:
                    setattr(owner, name, value)
                except ValidationError as error:
                    raise ConfigurationError(
                        f"architecture '{architecture.name}' requires {name}={value!r}, which is "
                        f"not allowed: {describe_validation_error(error)}"
                    ) from error
