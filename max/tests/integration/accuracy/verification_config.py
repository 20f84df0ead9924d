"""The pipelines that can be verified, read from YAML."""

# build: data = ["logit_verification/logit_verification_config.yaml"]

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from integration.accuracy.comparison import Thresholds
from integration.test_common.every_tiny_model import EVERY_TINY_MODEL

CONFIG_FILE = Path(__file__).parent / "logit_verification" / "logit_verification_config.yaml"


class VerifiedPipeline(BaseModel):
    """One pipeline, and how far its logits may be from the reference.

    Attributes:
        pipeline: a name known to `generate_llm_logits`, a folder, or a repository id.
        encoding: of both sides.
        compatible_with: device types that it runs on.
        tags: for `--tags`.
        pregenerated_torch_goldens: file of a reference run, instead of running PyTorch.
        relative_tolerance: see `Thresholds`, as the next three.
        absolute_tolerance: see there.
        cos_dist_threshold: see there.
        kl_div_threshold: see there; this one decides.
        timeout: seconds for both sides together.
        on_request: whether it is verified only for whoever names it or one of its tags.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pipeline: str
    encoding: Literal["float32", "bfloat16"]
    compatible_with: tuple[Literal["cpu", "gpu"], ...] = ("cpu", "gpu")
    tags: tuple[str, ...] = ()
    pregenerated_torch_goldens: str | None = None
    relative_tolerance: float = 1e-3
    absolute_tolerance: float = 1e-4
    cos_dist_threshold: float = 1e-3
    kl_div_threshold: float = 1e-3
    timeout: float = 3600.0
    on_request: bool = False

    @property
    def thresholds(self) -> Thresholds:
        """The four thresholds."""
        return Thresholds(
            self.relative_tolerance,
            self.absolute_tolerance,
            self.cos_dist_threshold,
            self.kl_div_threshold,
        )


@dataclass(frozen=True)
class VerificationConfig:
    """What a configuration file says.

    Attributes:
        pipelines: by name.
        aliases: other names of some of them.
    """

    pipelines: Mapping[str, VerifiedPipeline]
    aliases: Mapping[str, str]


def load_config(path: Path = CONFIG_FILE) -> VerificationConfig:
    """Reads a configuration file.

    Raises:
        ValueError: if the file is malformed; names the entry.
    """
    content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    entries = content.get("logit_verification_pipelines") if isinstance(content, dict) else None
    if not isinstance(entries, dict):
        raise ValueError(f"{path} should have the key logit_verification_pipelines")
    pipelines = {}
    for name, entry in {**_tiny(content.get("tiny_models") or {}), **entries}.items():
        try:
            pipelines[str(name)] = VerifiedPipeline.model_validate(entry)
        except ValidationError as error:
            raise ValueError(f"{path}, {name}: {error}") from error
    aliases: dict[str, str] = content.get("aliases") or {}
    if unknown := aliases.values() - pipelines.keys():
        raise ValueError(f"{path}, aliases: no pipeline {', '.join(sorted(unknown))}")
    return VerificationConfig(pipelines, aliases)


def _tiny(by_encoding: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The entries of every tiny model in every encoding."""
    return {
        f"{model.name}-{encoding}": {
            "pipeline": model.name,
            "encoding": encoding,
            "tags": ("tiny", model.family),
            **settings,
        }
        for model in EVERY_TINY_MODEL.values()
        for encoding, settings in by_encoding.items()
    }
