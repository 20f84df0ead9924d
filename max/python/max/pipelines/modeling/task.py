"""What a pipeline does, and what it takes in."""

from __future__ import annotations

from enum import StrEnum


class PipelineTask(StrEnum):
    """What a pipeline produces. `UNDEFINED` asks for detection from the model's architecture."""

    TEXT_GENERATION = "text_generation"
    EMBEDDINGS_GENERATION = "embeddings_generation"
    PIXEL_GENERATION = "pixel_generation"
    UNDEFINED = "undefined"


class InputModality(StrEnum):
    """A kind of input that an architecture accepts."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
