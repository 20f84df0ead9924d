"""What an Apertus model is, read from config.json."""

from __future__ import annotations

from typing import TYPE_CHECKING

from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class ApertusConfig(DecoderConfig):
    """A decoder's configuration; config.json has the usual fields."""

    @staticmethod
    def get_hidden_act(huggingface_config: PretrainedConfig) -> str:
        """A function of the framework's table, in whose place the decoder puts its own.

        Raises:
            ValueError: if config.json asks for another one than xIELU.
        """
        if huggingface_config.hidden_act != "xielu":
            raise ValueError(f"hidden_act '{huggingface_config.hidden_act}'; known: xielu")
        return "relu"
