"""Configuration files: YAML with one section per part, as in an architecture's recipes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from max.pipelines.config.base import ConfigModel
from max.pipelines.config.flat_fields import spread_flat_kwargs
from max.pipelines.modeling.errors import ConfigurationError


def load_config_file(
    config: type[ConfigModel], path: str, section_name: str | None = None
) -> dict[str, Any]:
    """Reads a file of sections (`model:`, `runtime:`, ...) or plain field names.

    Args:
        config: the configuration that the file is for.
        path: the YAML file.
        section_name: read what is under this top-level key.

    Raises:
        ConfigurationError: if the file is missing, not YAML, not a mapping, or has unknown names.
    """
    import yaml

    file = Path(path).expanduser()
    if not file.is_file():
        problem = "is not a file" if file.exists() else "does not exist"
        raise ConfigurationError(f"the configuration file {file.absolute()} {problem}")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is not valid YAML: {error}") from error
    if section_name is not None:
        if not isinstance(content, Mapping) or section_name not in content:
            keys = ", ".join(map(str, content)) if isinstance(content, Mapping) else "none"
            raise ConfigurationError(f"{file} has no section '{section_name}'; it has: {keys}")
        content = content[section_name]
    if not isinstance(content, Mapping):
        raise ConfigurationError(f"{file} should hold a mapping, not {type(content).__name__}")
    try:
        return spread_flat_kwargs(config, {str(key): value for key, value in content.items()})
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error}") from error


def merge_sections(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Both mappings as one, level by level; where both have a value, `over` wins."""
    merged = dict(base)
    for name, value in over.items():
        below = merged.get(name)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[name] = merge_sections(below, value) if both and below is not None else value
    return merged
