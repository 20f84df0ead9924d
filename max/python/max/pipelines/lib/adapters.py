"""The LoRA adapters of a pipeline."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from max.pipelines.config import LoRAConfig
from max.pipelines.context import TextContext
from max.pipelines.lora.adaptable_model import AdaptableModel
from max.pipelines.lora.errors import AdapterError
from max.pipelines.lora.fitting import load_adapter
from max.pipelines.lora.peft_files import adapter_folder
from max.pipelines.lora.pool import AdapterPool

logger = logging.getLogger("max.pipelines")


class Adapters:
    """Loads adapters for a model, and has the pool of those that it knows.

    Args:
        model: that they are fitted to.
        config: of the slots.
    """

    def __init__(self, model: AdaptableModel, config: LoRAConfig) -> None:
        self._model = model
        self._config = config
        self.pool = AdapterPool(model.adapter_slots, config.max_num_loras)
        self._names: dict[str, str] = {}

    def load_named(self, paths: Mapping[str, str]) -> None:
        """Loads adapters that requests name as their model, where there is no server.

        Args:
            paths: of their folders, by name.

        Raises:
            AdapterError: if one cannot be used; says which.
        """
        for name, path in paths.items():
            try:
                self._names[name] = self.load(name, path)
            except AdapterError as error:
                raise type(error)(f"LoRA adapter '{name}': {error}") from error

    def assign(self, ctx: TextContext) -> None:
        """Gives a request the adapter that it names as its model, if it does."""
        if ctx.adapter is None:
            ctx.adapter = self._names.get(ctx.model_name)

    def load(self, name: str, path: str, digest: str | None = None) -> str:
        """Reads an adapter and makes it known; any thread may.

        Args:
            name: for messages.
            path: of its folder.
            digest: that it must have; None for any.

        Returns:
            Its digest, by which requests name it (`TextContext.adapter`).

        Raises:
            AdapterError: if it cannot be used, or is another one than it was.
        """
        started = time.monotonic()
        folder = adapter_folder(path, self._config.lora_root)
        adapter = load_adapter(folder, self._model, self._config.max_lora_rank, digest)
        self.pool.add(adapter)
        logger.info(
            "LoRA adapter '%s' loaded from %s in %.2f s: %d layers, %.1f MB",
            name,
            path,
            time.monotonic() - started,
            len(adapter.updates),
            adapter.nbytes / 1e6,
        )
        return adapter.digest
