"""What PEFT's `adapter_config.json` says. Importing this does not import torch."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from max.pipelines.checkpoint.contained import contained
from max.pipelines.lora.errors import AdapterError

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
            fields = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise AdapterError(f"there is no {CONFIG_NAME} in {folder}") from None
        except (OSError, ValueError, RecursionError) as error:
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
            for pattern in (*config.rank_pattern, *config.alpha_pattern):
                re.compile(pattern)
        except KeyError as missing:
            raise AdapterError(f"its {CONFIG_NAME} lacks {missing}") from None
        except (TypeError, ValueError, AttributeError, re.error) as error:
            raise AdapterError(f"its {CONFIG_NAME} cannot be understood: {error}") from error
        if min([config.rank, *config.rank_pattern.values()]) < 1:
            raise AdapterError(f"its {CONFIG_NAME} has a rank below 1")
        return config

    def rank_of(self, layer: str) -> int:
        """The rank of a layer's product, by its name in Hugging Face's model."""
        return self.rank_pattern.get(_pattern(self.rank_pattern, layer), self.rank)

    def scale_of(self, layer: str) -> float:
        """What a layer's product is multiplied with."""
        alpha = self.alpha_pattern.get(_pattern(self.alpha_pattern, layer), self.alpha)
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


def _pattern(patterns: Iterable[str], layer: str) -> str:
    """The first pattern that a layer's name ends with, as PEFT looks for it; the name if none."""
    return next((p for p in patterns if re.match(rf"(.*\.)?({p})$", layer)), layer)
