"""The Llama pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from max.pipelines.architectures.llama3.llama3 import Llama3
from max.pipelines.architectures.llama3.model_config import Llama3Config
from max.pipelines.lib.decoder_model import DecoderModel


class Llama3Model(DecoderModel):
    """A Llama model, with the class attributes that packages from outside set."""

    model_config_cls: ClassVar[type[Any] | None] = Llama3Config
    decoder_cls: ClassVar[type[Any]] = Llama3
    # Set to give the q, k, v projections biases (or not) whatever config.json says.
    attention_bias: ClassVar[bool | None] = None
    # Set for other norms, see `Llama3Config.norm_method`.
    norm_method: ClassVar[Literal["rms_norm", "layer_norm"] | None] = None

    def finalize_arguments(self) -> dict[str, Any]:
        """What the class says, where it says something."""
        given = {"attention_bias": self.attention_bias, "norm_method": self.norm_method}
        return {name: value for name, value in given.items() if value is not None}
