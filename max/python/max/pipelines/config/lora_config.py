"""Options of LoRA adapters."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Self

from pydantic import Field, field_validator, model_validator

from max.pipelines.config.base import ConfigModel
from max.pipelines.modeling.errors import ConfigurationError


class NamedAdapter(NamedTuple):
    """An adapter's name, which requests use as `model`, and its folder."""

    name: str
    path: str

    @classmethod
    def of(cls, text: str) -> Self:
        """NAME=PATH, or a path that is the name too.

        Raises:
            ValueError: if one of them is empty.
        """
        name, equals, path = text.partition("=")
        if not name or (equals and not path):
            raise ValueError(f"{text!r} is not NAME=PATH (--lora-paths)")
        return cls(name, path if equals else name)


class LoRAConfig(ConfigModel):
    """Adapters that are served beside the base model."""

    enable_lora: bool = Field(default=False, description="Let the model take LoRA adapters.")
    lora_paths: list[str] = Field(
        default_factory=list,
        description="Adapter to load at the start, as NAME=PATH; several, or repeatable.",
    )
    max_lora_rank: int = Field(default=16, ge=1, description="Highest rank of an adapter.")
    max_num_loras: int = Field(
        default=1,
        ge=1,
        description="Most adapters that one step uses. Any number may be loaded; the model has "
        "memory for so many at a time.",
    )
    lora_modules_to_save: list[str] | None = Field(
        default=None,
        description="Layer of which an adapter may have the whole weight in place of the model's "
        "(PEFT's modules_to_save), as lm_head or embed_tokens; several, or repeatable. Every "
        "adapter that fits into a step has room for it. Those of --lora-paths when not given.",
    )
    lora_root: Path | None = Field(
        default=None,
        description="Folder below which all adapters must be; anywhere when not given.",
    )

    @field_validator("lora_paths", "lora_modules_to_save", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @field_validator("lora_paths", mode="after")
    @classmethod
    def _are_named(cls, value: list[str]) -> list[str]:
        paths: dict[str, str] = {}
        for name, path in map(NamedAdapter.of, value):
            if paths.setdefault(name, path) != path:
                raise ValueError(f"LoRA adapter name '{name}' already exists with different path")
        return value

    @model_validator(mode="after")
    def _paths_need_lora(self) -> Self:
        for name in ("lora_paths", "lora_modules_to_save"):
            if getattr(self, name) and not self.enable_lora:
                raise ValueError(f"{name} (--{name.replace('_', '-')}) needs --enable-lora")
        return self

    def require(self, name: str) -> None:
        """Raises `ConfigurationError` for a name that none of the adapters has."""
        if name not in self.adapters:
            known = ", ".join(f"'{each}'" for each in self.adapters) or "there are none"
            raise ConfigurationError(f"no LoRA adapter is named '{name}' in lora_paths: {known}")

    @property
    def adapters(self) -> dict[str, str]:
        """The paths of the adapters to load at the start, by name."""
        return dict(map(NamedAdapter.of, self.lora_paths))
