"""How long a model takes to build and to compile, told in the log."""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import Self

logger = logging.getLogger("max.pipelines")


class CompilationTimer:
    """Logs the seconds that a model takes, around what builds and compiles it.

        with CompilationTimer("model") as timer:
            graph = Graph(...)
            timer.mark_build_complete()
            model = session.load(graph, weights_registry=...)

    Args:
        name: what is compiled, for the log.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._begun = self._built = 0.0

    def __enter__(self) -> Self:
        self._begun = self._built = time.perf_counter()
        logger.info("Building and compiling %s...", self.name)
        return self

    def mark_build_complete(self) -> None:
        """Tells that the graph is there; what follows is its compilation."""
        self._built = time.perf_counter()
        logger.info("Building %s took %.1f s", self.name, self._built - self._begun)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            logger.info("Compiling %s took %.1f s", self.name, time.perf_counter() - self._built)
