"""When Python looks for garbage: not while a model is loaded."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection_while_loading() -> Iterator[None]:
    """Modules and models are loaded to stay: looking for garbage among them takes a fifth of the
    time. What is there afterwards is left out of later collections, which so become short.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()
            gc.enable()
