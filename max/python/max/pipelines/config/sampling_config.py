"""Options of the sampler that hold for the whole server."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

from pydantic import Field, field_validator

from max.pipelines.config.base import ConfigModel


class SamplingConfig(ConfigModel):
    """What the sampler is prepared for; each request brings its own `SamplingParams`."""

    enable_structured_output: bool = Field(
        default=False,
        description="Take requests whose answers follow a JSON schema or another grammar.",
    )
    structured_output_backend: Literal["llguidance", "xgrammar"] = Field(
        default="llguidance",
        description="What holds answers to JSON schemas; xgrammar has to be installed, and leaves"
        " to llguidance what it does not support.",
    )

    @field_validator("structured_output_backend")
    @classmethod
    def _check_installed(cls, backend: str) -> str:
        if find_spec(backend) is None:
            raise ValueError(
                f"the package {backend} (--structured-output-backend) is not installed here;"
                f" `pip install {backend}` installs it, the default is llguidance"
            )
        return backend
