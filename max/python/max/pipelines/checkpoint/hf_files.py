"""Reading the JSON and code that a Hugging Face checkpoint brings beside its weights."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from max.pipelines.checkpoint.config_fields import SIZES, check_counts
from max.pipelines.checkpoint.families import fields_of
from max.pipelines.checkpoint.json_files import read_json_value
from max.pipelines.checkpoint.plain_config import (
    ERRORS_OF_BAD_VALUES,
    PlainConfig,
    is_plain,
    read_by_transformers,
)
from max.pipelines.modeling.errors import ModelSourceError

logger = logging.getLogger("max.pipelines")

# A wrong value of one breaks the model, or its answers; the other sizes have a usual value.
_TOLD = sorted(SIZES.keys() - {"hidden_act", "num_key_value_heads"})
if TYPE_CHECKING:
    from transformers import GenerationConfig, PretrainedConfig


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds one object.

    Raises:
        ModelSourceError: if the file is missing or holds something else.
    """
    if not path.is_file():
        raise ModelSourceError(
            f"{path.parent} has no {path.name}; is it the folder of a Hugging Face model?"
        )
    content = read_json_value(path)
    if not isinstance(content, dict):
        raise ModelSourceError(f"{path} should hold a JSON object, not {type(content).__name__}")
    return content


def read_json_if_there(path: Path) -> dict[str, Any]:
    """`read_json`; nothing without the file."""
    return read_json(path) if path.is_file() else {}


def architecture_name(folder: Path) -> str:
    """The first entry of `architectures` in config.json, which chooses the implementation.

    Raises:
        ModelSourceError: if config.json is missing, malformed or names none.
    """
    names = read_json(folder / "config.json").get("architectures")
    if not isinstance(names, list) or not names or not isinstance(names[0], str):
        raise ModelSourceError(
            f"{folder / 'config.json'} does not say which architecture the model has: expected "
            f'"architectures": ["...ForCausalLM"] or the like, found {names!r}'
        )
    return names[0]


def quantization_method(folder: Path) -> str | None:
    """How config.json says that the weights are quantized, as "gptq"; None if it does not."""
    found = read_json(folder / "config.json").get("quantization_config")
    if not found:
        return None
    method = found.get("quant_method") if isinstance(found, dict) else None
    return str(method or "method not named")


def is_read_quantized(folder: Path, method: str) -> bool:
    """Whether the model's family reads weights that are quantized by a method of config.json."""
    known = fields_of(read_json(folder / "config.json").get("model_type"))
    return known is not None and method in known.quantizations


def load_huggingface_config(folder: Path, trust_remote_code: bool) -> PretrainedConfig:
    """config.json as the object that transformers makes of it, or as a `PlainConfig`.

    Raises:
        ModelSourceError: if it is missing or malformed, if its `model_type` is unknown, or if it
            needs code from the checkpoint and `trust_remote_code` is off.
    """
    raw = read_json(folder / "config.json")
    check_counts(raw, folder / "config.json")
    known = fields_of(raw.get("model_type"))
    if known is not None and is_plain(raw, known):
        return cast("PretrainedConfig", PlainConfig(folder, raw, known))
    try:
        config = read_by_transformers(folder, raw.get("model_type"), trust_remote_code)
    except ModelSourceError as error:
        own = raw.get("auto_map")
        if isinstance(own, dict) and "AutoConfig" in own and not trust_remote_code:
            raise ModelSourceError(
                f"the model in {folder} brings its own configuration code ({own['AutoConfig']}), "
                "which is not run unless you trust it: read it, then pass --trust-remote-code"
            ) from error
        raise
    _tell_assumed_sizes(folder / "config.json", raw, config)
    return config


def _tell_assumed_sizes(path: Path, raw: dict[str, Any], config: PretrainedConfig) -> None:
    """Warns of sizes that transformers made up; they are another model's."""
    names = {name: config.attribute_map.get(name, name) for name in _TOLD}
    assumed = {
        name: getattr(config, name)
        for name, own_name in names.items()
        if not {name, own_name} & raw.keys() and hasattr(config, name)
    }
    if assumed and "text_config" not in raw:
        logger.warning(
            "%s does not have %s: if the weights do not fit, or the answers make no sense, copy "
            "the values from the original model",
            path,
            ", ".join(f"{name} (assumed: {value})" for name, value in assumed.items()),
        )


def load_generation_config(folder: Path) -> GenerationConfig | None:
    """generation_config.json as the object that transformers makes of it; None without the file.

    Raises:
        ModelSourceError: if it is malformed.
    """
    if not (folder / "generation_config.json").is_file():
        return None
    from transformers import GenerationConfig, __version__

    try:
        config: GenerationConfig = GenerationConfig.from_dict(
            read_json(folder / "generation_config.json")
        )
    except ERRORS_OF_BAD_VALUES as error:
        raise ModelSourceError(
            f"transformers {__version__} cannot read {folder / 'generation_config.json'}: "
            f"{' '.join(str(error).split())}"
        ) from error
    return config
