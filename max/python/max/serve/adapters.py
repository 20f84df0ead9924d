"""The LoRA adapters that a server has, by the names that requests use for them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from max.pipelines.lora.errors import AdapterError, AdapterPathError
from max.pipelines.lora.peft_files import adapter_folder, check_adapter
from max.serve.errors import ApiError, invalid_value
from max.serve.messages import Adapter

if TYPE_CHECKING:
    from max.pipelines.config import LoRAConfig
    from max.serve.engine_client import EngineClient

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServedAdapter:
    """An adapter that requests may name.

    Attributes:
        adapter: Its name, where it was read from, and its digest.
        created: When it was loaded, in seconds since the epoch.
    """

    adapter: Adapter
    created: int


def check_adapters(config: LoRAConfig) -> list[Adapter]:
    """Looks at the files of the adapters to load at the start.

    Raises:
        AdapterError: One cannot be used; says which.
    """
    found = []
    for name, path in config.adapters.items():
        try:
            digest = check_adapter(adapter_folder(path, config.lora_root))
        except AdapterPathError as error:
            text = f"Invalid LoRA adapter path: '{path}' ({name}): {error}"
            raise AdapterPathError(text) from error
        except AdapterError as error:
            raise AdapterError(f"Invalid LoRA adapter at '{path}' ({name}): {error}") from error
        found.append(Adapter(name, path, digest))
    return found


class AdapterDirectory:
    """Names of adapters; loading and unloading.

    Args:
        base: The name of the model that they are for.
        client: The way to the worker.
        config: Whether there may be adapters, and where they may be.
    """

    def __init__(self, base: str, client: EngineClient, config: LoRAConfig) -> None:
        self._base = base
        self._client = client
        self._config = config
        self._served: dict[str, ServedAdapter] = {}
        self._loading: dict[str, tuple[str, asyncio.Future[None]]] = {}

    def __iter__(self) -> Iterator[ServedAdapter]:
        return iter(list(self._served.values()))

    @property
    def names(self) -> list[str]:
        """Of the adapters that requests may name now."""
        return list(self._served)

    def find(self, name: str | None) -> ServedAdapter | None:
        """The adapter of that name, if there is one."""
        return None if name is None else self._served.get(name)

    def add(self, adapter: Adapter) -> None:
        """An adapter that the worker has."""
        self._served[adapter.name] = ServedAdapter(adapter, int(time.time()))

    def lose(self, problems: Mapping[str, str]) -> None:
        """A new worker could not load adapters again.

        Args:
            problems: Why, by digest.
        """
        for name, served in list(self._served.items()):
            if reason := problems.get(served.adapter.digest):
                del self._served[name]
                logger.error("LoRA adapter '%s' is lost: %s", name, reason)

    async def load(self, name: str, path: str) -> None:
        """Loads an adapter; nothing happens if it is loaded from that path already.

        Raises:
            ApiError: 501 without --enable-lora, 409 for a name that another adapter has, or that
                one with other files had, 400 for a path or an adapter that cannot be used.
        """
        self._require_lora()
        if name == self._base:
            raise invalid_value(
                f"'{name}' is the name of the model itself: choose another one", "lora_name"
            )
        served, loading = self._served.get(name), self._loading.get(name)
        known_path = served.adapter.path if served else loading[0] if loading else path
        if known_path != path:
            raise _exists(name, "with different path")
        if loading is not None:
            await asyncio.shield(loading[1])
        elif served is None:
            await self._load(name, path)
        elif await self._digest_now(path) != served.adapter.digest:
            raise _exists(name, f"with what '{path}' had before its files changed")

    def unload(self, name: str) -> None:
        """Takes an adapter away: from now on no request finds it; those that have it go on.

        Raises:
            ApiError: 501 without --enable-lora, 404 for a name that no adapter has.
        """
        self._require_lora()
        served = self._served.pop(name, None)
        if served is None:
            raise ApiError(
                404,
                f"LoRA adapter '{name}' not found",
                param="lora_name",
                code="adapter_not_found",
            )
        digest = served.adapter.digest
        if all(other.adapter.digest != digest for other in self):
            self._client.adapters.unload(digest)
        logger.info("LoRA adapter '%s' unloaded", name)

    async def _load(self, name: str, path: str) -> None:
        done = asyncio.get_running_loop().create_future()
        self._loading[name] = path, done
        started = time.monotonic()
        try:
            adapter = Adapter(name, path, await self._digest_now(path))
            await self._client.adapters.load(adapter)
        except AdapterError as error:
            problem = _refused(path, error)
            done.set_exception(problem)
            done.exception()  # Seen, also where nobody else waits.
            raise problem from error
        except BaseException as error:
            done.set_exception(error)
            done.exception()
            raise
        finally:
            del self._loading[name]
        self.add(adapter)
        done.set_result(None)
        logger.info(
            "LoRA adapter '%s' loaded from %s in %.2f s", name, path, time.monotonic() - started
        )

    async def _digest_now(self, path: str) -> str:
        """Of an adapter's files, which are looked at.

        Raises:
            ApiError: 400 if they cannot be used.
        """
        root = self._config.lora_root
        try:
            return await asyncio.to_thread(lambda: check_adapter(adapter_folder(path, root)))
        except AdapterError as error:
            raise _refused(path, error) from error

    def _require_lora(self) -> None:
        if not self._config.enable_lora:
            raise ApiError(
                501,
                "LoRA functionality is not enabled on this server. Please restart the server with"
                " LoRA enabled: --enable-lora",
                code="lora_not_enabled",
            )


def _exists(name: str, how: str) -> ApiError:
    return ApiError(
        409,
        f"LoRA adapter name '{name}' already exists {how}: unload it first",
        param="lora_name",
        code="adapter_exists",
    )


def _refused(path: str, error: AdapterError) -> ApiError:
    if isinstance(error, AdapterPathError):
        message = (
            f"Invalid LoRA adapter path: '{path}'. Path must exist locally (remote repositories are"
            f" not supported): {error}"
        )
    else:
        message = (
            f"Invalid LoRA adapter at '{path}'. Ensure the adapter has the correct format and"
            f" required files: {error}"
        )
    return ApiError(400, message, param="lora_path", code="invalid_adapter")
