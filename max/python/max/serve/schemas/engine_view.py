"""`GET /ui/engine` and `GET /ui/features`: what the page shows beside the conversation."""

from __future__ import annotations

from typing import Any

import msgspec

from max.serve.messages import HeldRequest


class ShownStep(msgspec.Struct, frozen=True, array_like=True):
    """A step of the model; `ago` is how many seconds ago it was reported."""

    number: int
    ago: float
    batch_size: int
    prompt_tokens: int
    output_tokens: int
    execution_ms: float
    creation_ms: float


class EngineView(msgspec.Struct, frozen=True, kw_only=True):
    """The engine at this moment. `cells` are in base64; see `PageMap` and `HeldRequest`."""

    phase: str
    restarts: int
    running: int
    waiting: int
    used_pages: int
    total_pages: int
    page_size: int
    pages_per_cell: int
    cells: bytes
    requests: list[HeldRequest]
    steps: list[ShownStep]


class Features(msgspec.Struct, frozen=True, kw_only=True):
    """What the server and its model can do."""

    version: str
    model: str
    generates_text: bool
    structured_output: bool
    reasoning: bool
    tools: bool
    sees_engine: bool
    weighs_prompts: bool
    max_model_len: int
    sampling_defaults: dict[str, Any]
