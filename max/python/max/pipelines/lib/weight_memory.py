"""Memory for weights, taken while modules are imported. Importing this does not import torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from max.driver import CPU
from max.driver.host_reserve import end_reserve, reserve_memory
from max.pipelines.checkpoint.source import LocalModel
from max.pipelines.checkpoint.weight_files import checkpoint_encodings
from max.pipelines.kv_cache.memory_limits import available_memory
from max.pipelines.lib.packed_weights import are_kept
from max.pipelines.modeling.errors import ConfigurationError, ModelSourceError

if TYPE_CHECKING:
    from max.pipelines.config import MAXModelConfig

# More is not taken ahead: a model that hardly fits, or does not, is told by the memory plan.
_MOST_OF_AVAILABLE = 0.5


def bytes_to_reserve(model: MAXModelConfig) -> int:
    """How much memory the weights will certainly take on the host; 0 where that is not plain.

    Args:
        model: its weight files are local, or are downloaded now.
    """
    if model.default_device_spec.device_type != "cpu" or are_kept(model):
        return 0
    size = model.weights_size()
    if not model.has_gguf_weights:
        stored = checkpoint_encodings(model.resolved_weight_paths)
        as_stored = model.quantization_encoding is None or {model.quantization_encoding} == stored
        if not as_stored or stored not in ({"bfloat16"}, {"float32"}):
            return 0
    return size if size < available_memory(CPU()) * _MOST_OF_AVAILABLE else 0


@contextmanager
def weight_memory(model: MAXModelConfig) -> Iterator[None]:
    """Takes memory for the weights of a local model in the background; what is left goes back.

    Nothing is wrong with a model here: whoever loads it says what is.
    """
    with suppress(ConfigurationError, ModelSourceError):
        if isinstance(model.source, LocalModel):
            reserve_memory(bytes_to_reserve(model))
    try:
        yield
    finally:
        end_reserve()
