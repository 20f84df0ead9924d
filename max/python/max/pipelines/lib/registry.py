"""The registry: which architecture serves a checkpoint, and how a pipeline is made of both.

Importing this does not import torch: `max list` and `--help` answer at once.
"""

from __future__ import annotations

import difflib
import importlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import resolve_name
from typing import TYPE_CHECKING, Any

from max.driver.torch_libraries import quick_module_lookup
from max.pipelines.config import MAXModelConfig, PipelineConfig
from max.pipelines.lib.call_tolerantly import call_tolerantly
from max.pipelines.lib.embed import makes_embeddings
from max.pipelines.lib.garbage_collection import no_collection_while_loading
from max.pipelines.lib.supported_architecture import SupportedArchitecture
from max.pipelines.lib.symbols import load_symbol
from max.pipelines.modeling.types import PipelineTask

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from max.nn.transformer import ReturnLogits
    from max.pipelines.lib.text_generation import TextGenerationPipeline

logger = logging.getLogger("max.pipelines")

# Importing it registers the architectures of the tree, by name only.
_TREE = "max.pipelines.architectures"


class PipelineRegistry:
    """Architectures by name and task. `PIPELINE_REGISTRY` is the one that everything uses."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str, PipelineTask], SupportedArchitecture] = {}
        self._lazy: dict[tuple[str, PipelineTask], str] = {}  # "module:symbol"
        self._imported_specs: set[str] = set()

    def register(
        self, architecture: SupportedArchitecture, *, allow_override: bool = False
    ) -> None:
        """Adds an architecture.

        Raises:
            TypeError: if its `pipeline_model` is no PipelineModel, or has methods that only earlier
                releases call.
            ValueError: if the name is taken and may not be overridden.
        """
        self._add(architecture.name, architecture.task, allow_override)
        architecture.check()
        self._loaded[architecture.name, architecture.task] = architecture

    def register_lazy(
        self,
        name: str,
        module: str,
        symbol: str,
        *,
        package: str | None = None,
        task: PipelineTask = PipelineTask.TEXT_GENERATION,
    ) -> None:
        """Adds an architecture that is imported when it is first needed.

        Args:
            name: `architectures[0]` of its checkpoints.
            module: the module that defines it; one that begins with a dot is inside `package`.
            symbol: the `SupportedArchitecture` in it.
            package: see `module`.
            task: what it does.

        Raises:
            ValueError: if the name is taken.
        """
        self._add(name, task, allow_override=False)
        self._lazy[name, task] = f"{resolve_name(module, package)}:{symbol}"

    def names(self) -> list[str]:
        """All registered names, sorted."""
        importlib.import_module(_TREE)
        return sorted({name for name, _ in (*self._loaded, *self._lazy)})

    @property
    def architectures(self) -> dict[str, SupportedArchitecture]:
        """All architectures by name; of several tasks of one name, the one registered first."""
        return {a.name: a for a in reversed(self.all_architectures())}

    def all_architectures(self) -> list[SupportedArchitecture]:
        """All architectures. Those of the tree name their classes: these are not imported."""
        importlib.import_module(_TREE)
        keys = dict.fromkeys([*self._lazy, *self._loaded])
        return [self._load(key) for key in keys]

    def checkpoint_families(self) -> list[SupportedArchitecture]:
        """What is known of checkpoints: the tree's architectures, also those that a package has
        taken the place of, then what was registered at run time."""
        importlib.import_module(_TREE)
        return [*map(load_symbol, self._lazy.values()), *self._loaded.values()]

    def import_custom_architectures(self, specs: list[str]) -> None:
        """Registers the packages of `--custom-architectures`; each once. They win over the tree's.

        Raises:
            ValueError: if one cannot be found or has no architectures.
        """
        if not specs:
            return
        from max.pipelines.lib.custom_architectures import load_custom_architectures

        importlib.import_module(_TREE)
        for spec in specs:
            if spec not in self._imported_specs:
                for architecture in load_custom_architectures(spec):
                    self.register(architecture, allow_override=True)
                self._imported_specs.add(spec)

    def custom_packages(self) -> frozenset[str]:
        """Top-level names of the packages that `import_custom_architectures` has imported."""
        if not self._imported_specs:
            return frozenset()
        from max.pipelines.lib.custom_architectures import parse_spec

        return frozenset(parse_spec(spec).name.partition(".")[0] for spec in self._imported_specs)

    def retrieve_architecture(
        self,
        architecture_name: str,
        prefer_module_v3: bool = False,
        task: PipelineTask | None = None,
    ) -> SupportedArchitecture:
        """The architecture of that name.

        Args:
            architecture_name: `architectures[0]` of config.json.
            prefer_module_v3: take the one with `_ModuleV3` behind its name, if there is one.
            task: which, when the name is registered for several.

        Raises:
            ValueError: if there is none (names the known ones, nearest first), or several.
        """
        names = self.names()
        if prefer_module_v3 and f"{architecture_name}_ModuleV3" in names:
            architecture_name = f"{architecture_name}_ModuleV3"
        named = [key for key in (*self._loaded, *self._lazy) if key[0] == architecture_name]
        any_task = task in (None, PipelineTask.UNDEFINED)
        keys = [key for key in named if any_task or key[1] is task]
        if named and not keys:
            tasks = ", ".join(sorted({key[1].value for key in named}))
            raise ValueError(
                f"Architecture '{architecture_name}' is registered for {tasks}, not for {task}"
            )
        if not keys:
            near = difflib.get_close_matches(architecture_name, names, n=len(names) or 1, cutoff=0)
            raise ValueError(
                f"No architecture found for {architecture_name}. Known, nearest first: "
                f"{', '.join(near)}. Another one can be added with --custom-architectures."
            )
        if len(set(keys)) > 1:
            tasks = ", ".join(sorted({key[1].value for key in keys}))
            raise ValueError(
                f"Architecture '{architecture_name}' supports multiple pipeline tasks ({tasks}). "
                "Please specify --task explicitly."
            )
        return self._load(keys[0])

    def retrieve_pipeline_task(self, architecture_name: str) -> PipelineTask:
        """What the architecture does."""
        return self.retrieve_architecture(architecture_name).task

    def resolve(
        self,
        pipeline_config: PipelineConfig,
        override_architecture: str | None = None,
        task: PipelineTask | None = None,
    ) -> SupportedArchitecture:
        """The architecture that a configuration asks for; settles the configuration for it.

        Args:
            pipeline_config: all settings.
            override_architecture: name of one to use instead of config.json's.
            task: what the model is to do; the configuration's unless given.

        Raises:
            ValueError: if there is no such architecture, or the configuration does not fit it.
        """
        self.import_custom_architectures(pipeline_config.runtime.custom_architectures)
        name = override_architecture or pipeline_config.model.architecture_name
        task = task or pipeline_config.task
        if task is PipelineTask.UNDEFINED:
            task = self._task_of(name, pipeline_config)
        architecture = self.retrieve_architecture(name, task=task)
        pipeline_config.resolve(architecture)
        return architecture

    def get_active_huggingface_config(self, huggingface_repo: str) -> PretrainedConfig:
        """The configuration of a model, as architectures get it.

        Args:
            huggingface_repo: folder or repository, as `MAXModelConfig.huggingface_weight_repo`.

        Raises:
            ModelSourceError: if it cannot be had or read.
        """
        return MAXModelConfig(model_path=huggingface_repo).huggingface_config

    def retrieve_context_type(self, pipeline_config: PipelineConfig) -> type[Any]:
        """The class of the state of a request."""
        return self.resolve(pipeline_config).context_type

    def retrieve_tokenizer(
        self,
        pipeline_config: PipelineConfig,
        override_architecture: str | None = None,
        task: PipelineTask | None = None,
        *,
        control_tokens_are_text: bool = False,
    ) -> Any:
        """The tokenizer of the model that a configuration asks for; arguments as of `resolve`.

        Special tokens' texts in conversations may be text.

        Where the architecture tells `max_length` beside its model, neither the model nor torch is
        imported for it.
        """
        architecture = self.resolve(pipeline_config, override_architecture, task)
        model = pipeline_config.model
        return call_tolerantly(
            architecture.tokenizer,
            model_path=str(model.resolved_model_path),
            pipeline_config=pipeline_config,
            revision=model.huggingface_model_revision,
            max_length=architecture.max_length_of(pipeline_config),
            trust_remote_code=model.trust_remote_code,
            chat_template=model.retrieve_chat_template(),
            context_validators=architecture.context_validators,
            control_tokens_are_text=control_tokens_are_text,
        )

    def retrieve_factory(
        self,
        pipeline_config: PipelineConfig,
        task: PipelineTask | None = None,
        override_architecture: str | None = None,
    ) -> tuple[Any, PipelineFactory]:
        """The tokenizer, and what makes the pipeline: a picklable function without arguments."""
        tokenizer = self.retrieve_tokenizer(pipeline_config, override_architecture, task)
        factory = PipelineFactory(
            pipeline_config, override_architecture=override_architecture, task=task
        )
        return tokenizer, factory

    def retrieve(
        self,
        pipeline_config: PipelineConfig,
        task: PipelineTask | None = None,
        override_architecture: str | None = None,
    ) -> tuple[Any, Any]:
        """The tokenizer and the pipeline that a configuration asks for; arguments as of `resolve`.

        Raises:
            ValueError: if the architecture, an encoding or a weight is missing, or an adapter does
                not fit.
        """
        from max.pipelines.lib.weight_memory import weight_memory

        with (
            no_collection_while_loading(),
            quick_module_lookup(),
            weight_memory(pipeline_config.model),
        ):
            # Imports torch, in which time there is memory to be had.
            importlib.import_module("max.pipelines.lib.make_pipeline")
            tokenizer, factory = self.retrieve_factory(pipeline_config, task, override_architecture)
            pipeline = factory(tokenizer)
        if pipeline_config.lora.enable_lora and pipeline.adapters is not None:
            pipeline.adapters.load_named(pipeline_config.lora.adapters)
        return tokenizer, pipeline

    def reset(self) -> None:
        """Forgets what was registered at run time and reads the tree's registrations anew."""
        self._loaded.clear()
        self._imported_specs.clear()

    def _add(self, name: str, task: PipelineTask, allow_override: bool) -> None:
        if (name, task) not in {*self._loaded, *self._lazy}:
            return
        if not allow_override:
            raise ValueError(
                f"Refusing to override existing architecture for '{name}' with task {task}"
            )
        logger.warning("Overriding existing architecture for '%s' with task %s", name, task)

    def _task_of(self, name: str, config: PipelineConfig) -> PipelineTask:
        """What a checkpoint is for, where its architecture both generates text and embeds it."""
        _ = self.names()
        tasks = {key[1] for key in (*self._loaded, *self._lazy) if key[0] == name}
        if tasks != {PipelineTask.TEXT_GENERATION, PipelineTask.EMBEDDINGS_GENERATION}:
            return PipelineTask.UNDEFINED
        if makes_embeddings(config.model.resolved_model_path):
            return PipelineTask.EMBEDDINGS_GENERATION
        return PipelineTask.TEXT_GENERATION

    def _load(self, key: tuple[str, PipelineTask]) -> SupportedArchitecture:
        if key not in self._loaded:
            architecture = load_symbol(self._lazy[key])
            if not isinstance(architecture, SupportedArchitecture):
                raise TypeError(f"{self._lazy[key]} is not a SupportedArchitecture")
            self._loaded[key] = architecture
        return self._loaded[key]


@dataclass(frozen=True)
class PipelineFactory:
    """Makes the pipeline of a configuration, here or in another process (it can be pickled).

    Args:
        pipeline_config: all settings.
        return_logits: which logits the graph gives; by default those that the configuration needs.
        override_architecture: see `PipelineRegistry.resolve`, as for `task`.
    """

    pipeline_config: PipelineConfig
    return_logits: ReturnLogits | None = None
    override_architecture: str | None = None
    task: PipelineTask | None = None

    def __call__(
        self, tokenizer: Any = None, *, on_phase: Callable[[str], None] = lambda _: None
    ) -> TextGenerationPipeline:
        """Makes the pipeline.

        Args:
            tokenizer: the model's; only the offline methods of the pipeline need it.
            on_phase: told what begins: "read", "compile", "place weights", "allocate".

        Raises:
            ValueError: if weights are missing or wrong, or memory does not suffice.
        """
        from max.pipelines.lib.make_pipeline import make_pipeline

        config = self.pipeline_config
        architecture = PIPELINE_REGISTRY.resolve(config, self.override_architecture, self.task)
        return make_pipeline(architecture, config, self.return_logits, tokenizer, on_phase)


PIPELINE_REGISTRY = PipelineRegistry()
