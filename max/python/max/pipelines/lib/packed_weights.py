"""Where a model's weights are kept as kernels read them. Importing this does not import torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from max.driver.cache_folder import cache_root
from max.pipelines.checkpoint.contained import real_path
from max.pipelines.lib.symbols import module_of

if TYPE_CHECKING:
    from max.engine.packed import PackedWeights
    from max.pipelines.config import PipelineConfig
    from max.pipelines.config.model_config import MAXModelConfig
    from max.pipelines.lib.supported_architecture import SupportedArchitecture

# Changes whenever the same checkpoint gives other weights: when they are quantized otherwise, say.
_VERSION = "1"


def packed_folder(model: MAXModelConfig) -> Path:
    """The folder for the weights of a model in its encoding; it need not exist."""
    name = f"{_digest(model)}-{model.quantization_encoding}-{model.resolved_model_path.name}"
    return cache_root() / "packed" / name


def are_kept(model: MAXModelConfig) -> bool:
    """Whether there are weights of a model, if perhaps of what it was before it changed; in any
    encoding while it has none."""
    pattern = f"{_digest(model)}-{model.quantization_encoding or '*'}-*/*.weights"
    return any((cache_root() / "packed").glob(pattern))


def _digest(model: MAXModelConfig) -> str:
    folder = real_path(model.resolved_weight_paths[0]).parent
    return hashlib.sha256(str(folder).encode()).hexdigest()[:8]


def packed_weights(architecture: SupportedArchitecture, config: PipelineConfig) -> PackedWeights:
    """Where the session of a model finds its weights, and whether it keeps them.

    Args:
        architecture: of the model. When the code of its package changes, what was kept is no
            longer used: a weight adapter may give other numbers.
        config: all settings.
    """
    from max.engine.packed import PackedWeights

    files = [real_path(path) for path in config.model.resolved_weight_paths]
    adapters = vars(architecture)["weight_adapters"].values()
    modules = {module_of(each) for each in (*architecture.pipeline_model.__mro__, *adapters)}
    source = "\n".join([_VERSION, *_versions(files), *_versions(_code_of(modules))])
    folder = packed_folder(config.model)
    return PackedWeights(folder, source, is_kept=config.runtime.keep_packed_weights)


def _code_of(modules: Iterable[str]) -> list[Path]:
    """The Python files beside those of some modules."""
    files = (getattr(import_module(name), "__file__", None) for name in modules)
    folders = {Path(file).parent for file in files if file}
    return sorted(path for folder in folders for path in folder.glob("*.py"))


def _versions(files: Iterable[Path]) -> list[str]:
    return [f"{path} {(stat := path.stat()).st_size} {stat.st_mtime_ns}" for path in files]
