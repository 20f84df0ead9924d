"""The registry: which architecture serves a checkpoint, and how a pipeline is made of both.

Importing this does not import torch: `max list` and `--help` answer at once.
"""

from __future__ import annotations

import difflib
import importlib
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from max.pipelines.config import PipelineConfig
from max.pipelines.lib.call_tolerantly import call_tolerantly
from max.pipelines.lib.lazy_architecture import LazyArchitecture, summarize
from max.pipelines.lib.tokenizer import TextTokenizer
from max.pipelines.lib.utils import upper_bounded_default
from max.pipelines.modeling.types import PipelineTask

if TYPE_CHECKING:
    from max.pipelines.lib.supported_architecture import SupportedArchitecture

logger = logging.getLogger("max.pipelines")

# Importing it registers the architectures of the tree, by name only.
_TREE = "max.pipelines.architectures"


class PipelineRegistry:
    """Architectures by name and task. `PIPELINE_REGISTRY` is the one that everything uses."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str, PipelineTask], SupportedArchitecture] = {}
        self._lazy: dict[tuple[str, PipelineTask], LazyArchitecture] = {}
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
        self._install(architecture)

    def register_lazy(self, entry: LazyArchitecture) -> None:
        """Adds an architecture that is imported when it is first needed.

        Raises:
            ValueError: if the name is taken.
        """
        self._add(entry.name, entry.task, allow_override=False)
        self._lazy[entry.name, entry.task] = entry

    def names(self) -> list[str]:
        """All registered names, sorted."""
        importlib.import_module(_TREE)
        return sorted({name for name, _ in (*self._loaded, *self._lazy)})

    def lazy_architectures(self) -> list[LazyArchitecture]:
        """The architectures of the tree, not imported."""
        importlib.import_module(_TREE)
        return list(self._lazy.values())

    @property
    def architectures(self) -> dict[str, SupportedArchitecture]:
        """All architectures by name; imports them."""
        return {a.name: a for a in self.all_architectures()}

    def all_architectures(self) -> list[SupportedArchitecture]:
        """All architectures; imports them."""
        importlib.import_module(_TREE)
        keys = dict.fromkeys([*self._lazy, *self._loaded])
        return [self._load(key) for key in keys]

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
        self, architecture_name: str, task: PipelineTask | None = None
    ) -> SupportedArchitecture:
        """The architecture of that name.

        Args:
            architecture_name: `architectures[0]` of config.json.
            task: which, when the name is registered for several.

        Raises:
            ValueError: if there is none (names the known ones, nearest first), or several.
        """
        names = self.names()
        keys = [key for key in (*self._loaded, *self._lazy) if key[0] == architecture_name]
        if task not in (None, PipelineTask.UNDEFINED):
            keys = [key for key in keys if key[1] is task]
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

    def resolve(self, pipeline_config: PipelineConfig) -> SupportedArchitecture:
        """The architecture that a configuration asks for; settles the configuration for it.

        Raises:
            ValueError: if there is no such architecture, or the configuration does not fit it.
        """
        self.import_custom_architectures(pipeline_config.runtime.custom_architectures)
        name = pipeline_config.model.architecture_name
        architecture = self.retrieve_architecture(name, pipeline_config.task)
        pipeline_config.resolve(architecture)
        return architecture

    def retrieve_tokenizer(self, pipeline_config: PipelineConfig) -> Any:
        """The tokenizer of the model that a configuration asks for.

        Usual architectures are not imported for it, nor is torch.
        """
        self.import_custom_architectures(pipeline_config.runtime.custom_architectures)
        if (usual := self._usual(pipeline_config)) is not None:
            pipeline_config.resolve(summarize(usual))
            positions = pipeline_config.model.huggingface_config.max_position_embeddings
            max_length = upper_bounded_default(positions, pipeline_config.model.max_length)
            return _make_tokenizer(TextTokenizer, pipeline_config, max_length)
        from max.pipelines.lib.pipeline_factory import max_length_of

        architecture = self.resolve(pipeline_config)
        return _make_tokenizer(
            architecture.tokenizer,
            pipeline_config,
            max_length_of(architecture, pipeline_config),
            architecture.context_validators,
        )

    def retrieve_factory(self, pipeline_config: PipelineConfig) -> tuple[Any, Any]:
        """The tokenizer, and what makes the pipeline: a picklable function without arguments."""
        from max.pipelines.lib.pipeline_factory import PipelineFactory

        tokenizer = self.retrieve_tokenizer(pipeline_config)
        return tokenizer, PipelineFactory(pipeline_config)

    def retrieve(self, pipeline_config: PipelineConfig) -> tuple[Any, Any]:
        """The tokenizer and the pipeline that a configuration asks for.

        Raises:
            ValueError: if the architecture, an encoding or a weight is missing.
        """
        from max.pipelines.lib.weight_memory import weight_memory

        with weight_memory(pipeline_config.model):
            # Imports torch, in which time there is memory to be had.
            from max.pipelines.lib.pipeline_factory import PipelineFactory

            tokenizer = self.retrieve_tokenizer(pipeline_config)
            return tokenizer, PipelineFactory(pipeline_config)(tokenizer)

    def reset(self) -> None:
        """Forgets what was registered at run time and reads the tree's registrations anew."""
        self._loaded.clear()
        self._imported_specs.clear()

    def _usual(self, pipeline_config: PipelineConfig) -> LazyArchitecture | None:
        """The usual architecture that a configuration asks for; None if it is another, or one that
        is imported already."""
        importlib.import_module(_TREE)
        name, task = pipeline_config.model.architecture_name, pipeline_config.task
        entries = [entry for entry in self._lazy.values() if entry.name == name]
        is_loaded = any(key[0] == name for key in self._loaded)
        if is_loaded or len(entries) != 1 or not entries[0].is_usual:
            return None
        return entries[0] if task in (entries[0].task, None, PipelineTask.UNDEFINED) else None

    def _add(self, name: str, task: PipelineTask, allow_override: bool) -> None:
        if (name, task) not in {*self._loaded, *self._lazy}:
            return
        if not allow_override:
            raise ValueError(
                f"Refusing to override existing architecture for '{name}' with task {task}"
            )
        logger.warning("Overriding existing architecture for '%s' with task %s", name, task)

    def _install(self, architecture: SupportedArchitecture) -> None:
        from max.pipelines.lib.interfaces import PipelineModel
        from max.pipelines.lib.retired_hooks import refuse_retired_hooks

        model = architecture.pipeline_model
        if not (isinstance(model, type) and issubclass(model, PipelineModel)):
            raise TypeError(
                f"pipeline_model of '{architecture.name}' must be a subclass of PipelineModel, "
                f"got {model!r}"
            )
        refuse_retired_hooks(architecture.name, model)
        if not callable(architecture.tokenizer):
            raise TypeError(
                f"tokenizer of '{architecture.name}' must be a class or a function that makes a "
                f"tokenizer, got {architecture.tokenizer!r}"
            )
        self._loaded[architecture.name, architecture.task] = architecture

    def _load(self, key: tuple[str, PipelineTask]) -> SupportedArchitecture:
        from max.pipelines.lib.supported_architecture import SupportedArchitecture

        if key not in self._loaded:
            architecture = self._lazy[key].load()
            if not isinstance(architecture, SupportedArchitecture):
                raise TypeError(f"{self._lazy[key]} is not a SupportedArchitecture")
            self._install(architecture)
        return self._loaded[key]


def _make_tokenizer(
    make: Callable[..., Any],
    pipeline_config: PipelineConfig,
    max_length: int,
    context_validators: Sequence[Callable[[Any], None]] = (),
) -> Any:
    model = pipeline_config.model
    return call_tolerantly(
        make,
        model_path=str(model.resolved_model_path),
        pipeline_config=pipeline_config,
        revision=model.huggingface_model_revision,
        max_length=max_length,
        trust_remote_code=model.trust_remote_code,
        chat_template=model.retrieve_chat_template(),
        context_validators=context_validators,
    )


PIPELINE_REGISTRY = PipelineRegistry()
