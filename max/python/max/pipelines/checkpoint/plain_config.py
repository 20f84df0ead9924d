"""config.json of a common decoder as it is written, without transformers, which loads slowly."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from max.pipelines.checkpoint.config_fields import SIZES, ConfigFields

if TYPE_CHECKING:
    from transformers import PretrainedConfig

_KINDS: Mapping[type, tuple[type, ...]] = {bool: (bool,), int: (int,), float: (float, int)}
_ROPE_NUMBERS: Mapping[object, tuple[str, ...]] = {
    "default": (),
    "linear": ("factor",),
    "llama3": (
        "factor",
        "high_freq_factor",
        "low_freq_factor",
        "original_max_position_embeddings",
    ),
}


class PlainConfig:
    """A config.json that says all that a decoder needs; see `is_plain`.

    Fields of a decoder are read from the file. Whatever else is asked for, transformers answers.

    Args:
        folder: of the checkpoint.
        fields: content of its config.json.
        known: what its family says of them.
    """

    def __init__(self, folder: Path, fields: Mapping[str, Any], known: ConfigFields) -> None:
        self._folder = folder
        names = ("model_type", *SIZES, *known.defaults)
        given = {**known.defaults, **fields}
        self._fields = {name: given[name] for name in names}

    @cached_property
    def _complete(self) -> PretrainedConfig:
        from transformers import AutoConfig

        config: PretrainedConfig = AutoConfig.from_pretrained(self._folder)
        return config

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._fields:
            return self._fields[name]
        return getattr(self._complete, name)


def is_plain(fields: Mapping[str, Any], known: ConfigFields) -> bool:
    """Whether a config.json of a family has all sizes, of the right kinds, and no surprise.

    Anything else is for transformers to complete or to refuse.
    """
    return (
        not fields.get("auto_map")
        and fields.get("quantization_config") is None
        and all(type(fields.get(name)) in kinds for name, kinds in SIZES.items())
        and all(
            _is_usual(fields[name], usual)
            for name, usual in known.defaults.items()
            if name in fields
        )
        and min(fields[name] for name, kinds in SIZES.items() if int in kinds) > 0
        and _has_usual_heads(fields)
        and all(_is_known_rope(fields.get(name)) for name in ("rope_parameters", "rope_scaling"))
    )


def _is_usual(value: object, usual: object) -> bool:
    """Whether an optional field's value is of the kind of its default."""
    return usual is None or type(value) in _KINDS[type(usual)]


def _has_usual_heads(fields: Mapping[str, Any]) -> bool:
    """Whether the heads share the width evenly, and each can be rotated in pairs."""
    head_dim, rest = divmod(fields["hidden_size"], fields["num_attention_heads"])
    given = fields.get("head_dim")
    head_dim = head_dim if given is None else given
    return rest == 0 and type(head_dim) is int and head_dim > 0 and head_dim % 2 == 0


def _is_known_rope(found: object) -> bool:
    if found is None:
        return True
    if not isinstance(found, dict):
        return False
    numbers = _ROPE_NUMBERS.get(found.get("rope_type") or found.get("type") or "default")
    if numbers is None:
        return False
    optional = ["rope_theta"] if "rope_theta" in found else []
    return all(type(found.get(name)) in (int, float) for name in [*numbers, *optional])
