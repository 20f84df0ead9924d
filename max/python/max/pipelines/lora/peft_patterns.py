"""Regular expressions for layers' names, which come with an adapter. Does not import torch."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import TYPE_CHECKING

from max.pipelines.lora.errors import AdapterError

if TYPE_CHECKING:
    from tokenizers.normalizers import Replace

# Whole models have a thousand layers and patterns for some, which take a microsecond each.
_MOST_PATTERNS = 10_000
_MOST_LENGTH = 1_000
_MOST_SECONDS = 2.0
_TOO_MANY_STEPS = "retry-limit-in-match over"


class LayerPatterns:
    """Patterns for the ends of layers' names, as PEFT looks for them.

    They are matched by Oniguruma, which counts the steps that a match takes and gives up; Python's
    `re` would go on for years with some.

    Raises:
        AdapterError: if one is no regular expression, or too long, or there are too many.
    """

    def __init__(self, patterns: Collection[str]) -> None:
        if len(patterns) > _MOST_PATTERNS:
            raise AdapterError(f"its adapter_config.json has {len(patterns)} patterns")
        self._matchers = {pattern: _matcher(pattern) for pattern in patterns}
        self._seconds = 0.0

    def first(self, layer: str) -> str | None:
        """The first one that a layer's name ends with.

        Raises:
            AdapterError: if that takes too many steps.
        """
        if not self._matchers:
            return None
        began = time.thread_time()
        try:
            return next((p for p, m in self._matchers.items() if not m.normalize_str(layer)), None)
        except BaseException as error:  # a panic of the library is no `Exception`
            if _TOO_MANY_STEPS not in str(error):
                raise
            raise AdapterError(
                f"a pattern in its adapter_config.json takes too many steps for '{layer:.200}': "
                f"{error}"
            ) from error
        finally:
            self._seconds += time.thread_time() - began
            if self._seconds > _MOST_SECONDS:
                raise AdapterError(
                    "the patterns in its adapter_config.json take more than "
                    f"{_MOST_SECONDS:g} s to compare with its layers' names"
                )


def _matcher(pattern: str) -> Replace:
    """What leaves nothing of a name that a pattern matches."""
    from tokenizers import Regex
    from tokenizers.normalizers import Replace

    if len(pattern) > _MOST_LENGTH:
        raise AdapterError(f"a pattern in its adapter_config.json has {len(pattern)} characters")
    try:
        return Replace(Regex(rf"\A(?:.*\.)?(?:{pattern})\z"), "")
    except Exception as error:
        raise AdapterError(
            f"the pattern {pattern!r:.200} in its adapter_config.json cannot be understood: {error}"
        ) from error
