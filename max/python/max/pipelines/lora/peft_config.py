"""What PEFT's `adapter_config.json` says. Importing this does not import torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from max.pipelines.checkpoint.contained import contained
from max.pipelines.checkpoint.json_files import read_json_value
from max.pipelines.lora.errors import AdapterError
from max.pipelines.lora.peft_patterns import LayerPatterns
from max.pipelines.modeling.errors import ModelSourceError

CONFIG_NAME = "adapter_config.json"

# What the tensors of the file say themselves, and what matters in training alone.
_NOT_NEEDED = frozenset(
    (
        "auto_mapping",
        "base_model_name_or_path",
        "corda_config",
        "ensure_weight_tying",
        "eva_config",
        "exclude_modules",
        "fan_in_fan_out",
        "inference_mode",
        "layers_pattern",
        "layers_to_transform",
        "loftq_config",
        "lora_dropout",
        "lora_ga_config",
        "megatron_core",
        "modules_to_save",
        "peft_version",
        "qalora_group_size",
        "revision",
        "runtime_config",
        "target_modules",
        "task_type",
        "velora_config",
    )
)
_READ = frozenset(
    (
        "alpha_pattern",
        "bias",
        "init_lora_weights",
        "lora_alpha",
        "lora_bias",
        "peft_type",
        "r",
        "rank_pattern",
        "target_parameters",
        "use_dora",
        "use_rslora",
    )
)
# They change the base model's own weights before the training begins.
_CHANGES_BASE = ("pissa", "olora", "corda", "loftq")
# No layer is as wide.
_MOST_RANK = 1 << 20


@dataclass(frozen=True)
class PeftConfig:
    """The settings of an adapter that change what it computes.

    Args:
        rank: of its products, where no pattern says otherwise.
        alpha: numerator of their scale.
        rank_pattern: ranks by regular expressions for the ends of layers' names.
        alpha_pattern: likewise alphas.
        use_rslora: whether the scale is alpha / sqrt(rank) (Kalajdzievski, 2023) and not alpha /
            rank.
        target_parameters: names, or ends of names, of parameters that have adapters.
    """

    rank: int
    alpha: float
    rank_pattern: Mapping[str, int]
    alpha_pattern: Mapping[str, float]
    use_rslora: bool
    target_parameters: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Reads a folder's `adapter_config.json`.

        Raises:
            AdapterError: if there is none, or it asks for what is not computed.
        """
        try:
            path = contained(folder, folder / CONFIG_NAME)
            fields = read_json_value(path)
        except FileNotFoundError:
            raise AdapterError(f"there is no {CONFIG_NAME} in {folder}") from None
        except ModelSourceError as error:
            raise AdapterError(f"cannot read {folder / CONFIG_NAME}: {error}") from error
        if not isinstance(fields, dict):
            raise AdapterError(f"{path} is no JSON object")
        return cls.of(fields)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """Reads the fields of a configuration.

        Raises:
            AdapterError: if one asks for what is not computed, or has no value that can be.
        """
        if problem := _problem(fields):
            raise AdapterError(f"its {CONFIG_NAME} has {problem}")
        try:
            config = cls(
                rank=int(fields["r"]),
                alpha=float(fields["lora_alpha"]),
                rank_pattern={k: int(v) for k, v in (fields.get("rank_pattern") or {}).items()},
                alpha_pattern={k: float(v) for k, v in (fields.get("alpha_pattern") or {}).items()},
                use_rslora=bool(fields.get("use_rslora")),
                target_parameters=tuple(map(str, fields.get("target_parameters") or ())),
            )
        except KeyError as missing:
            raise AdapterError(f"its {CONFIG_NAME} lacks {missing}") from None
        except (TypeError, ValueError, OverflowError, AttributeError) as error:
            raise AdapterError(f"its {CONFIG_NAME} cannot be understood: {error}") from error
        if min(ranks := [config.rank, *config.rank_pattern.values()]) < 1:
            raise AdapterError(f"its {CONFIG_NAME} has a rank below 1")
        if max(ranks) > _MOST_RANK:
            raise AdapterError(f"its {CONFIG_NAME} has a rank above {_MOST_RANK}")
        if not all(map(math.isfinite, (config.alpha, *config.alpha_pattern.values()))):
            raise AdapterError(f"its {CONFIG_NAME} has an alpha that is not finite")
        config.scale_of("")  # compiles the patterns
        return config

    @cached_property
    def _rank_patterns(self) -> LayerPatterns:
        return LayerPatterns(self.rank_pattern)

    @cached_property
    def _alpha_patterns(self) -> LayerPatterns:
        return LayerPatterns(self.alpha_pattern)

    def rank_of(self, layer: str) -> int:
        """The rank of a layer's product, by its name in Hugging Face's model."""
        pattern = self._rank_patterns.first(layer)
        return self.rank if pattern is None else self.rank_pattern[pattern]

    def scale_of(self, layer: str) -> float:
        """What a layer's product is multiplied with."""
        pattern = self._alpha_patterns.first(layer)
        alpha = self.alpha if pattern is None else self.alpha_pattern[pattern]
        rank = self.rank_of(layer)
        return alpha / (math.sqrt(rank) if self.use_rslora else rank)


def _problem(fields: Mapping[str, Any]) -> str | None:
    """What a configuration asks for that is not computed, as the object of a sentence."""
    if (kind := fields.get("peft_type")) != "LORA":
        return f"peft_type {kind!r}: only LORA is served"
    init = str(fields.get("init_lora_weights", True)).lower()
    if init.startswith(_CHANGES_BASE):
        return (
            f"init_lora_weights {init!r}, which changed the base model's weights; save it with "
            "peft's path_initial_model_for_weight_conversion, or merge it into the model"
        )
    if fields.get("use_dora") and fields.get("lora_bias"):
        return "use_dora and lora_bias, which is not supported together"
    if (bias := fields.get("bias", "none")) not in ("none", "all", "lora_only"):
        return f"bias {bias!r}; known are none, all, lora_only"
    for name in sorted(fields.keys() - _READ - _NOT_NEEDED):
        if fields[name] not in (None, False, 0, "", [], {}):
            return f"{name} {fields[name]!r}, which is not supported"
    return None
