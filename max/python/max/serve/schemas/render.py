"""`POST /v1/chat/completions/render`: the response; the request is a chat completion's."""

from __future__ import annotations

import msgspec


class ResolvedSampling(msgspec.Struct, frozen=True, kw_only=True):
    """How the answer would be sampled: the request's values, else the model's, else the server's.

    `max_tokens` is the room that the answer has. A `seed` that is null is drawn for each request.
    """

    temperature: float
    top_p: float
    top_k: int
    min_p: float
    frequency_penalty: float
    presence_penalty: float
    repetition_penalty: float
    max_tokens: int
    min_tokens: int
    ignore_eos: bool
    stop: list[str]
    stop_token_ids: list[int]
    logit_bias: dict[str, float]
    seed: int | None


class RenderedChat(msgspec.Struct, frozen=True, kw_only=True):
    """What the model sees of a conversation."""

    model: str
    prompt: str
    token_ids: list[int]
    count: int
    max_model_len: int
    sampling_params: ResolvedSampling
