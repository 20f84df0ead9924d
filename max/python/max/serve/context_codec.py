"""Contexts as messages and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from max.pipelines.context import TextContext, TokenBuffer
from max.pipelines.modeling.types import RequestID
from max.serve.messages import Submit


def from_context(context: TextContext) -> Submit:
    """The message that lets the worker rebuild `context`, which has no logits processors."""
    return Submit(
        request_id=str(context.request_id),
        tokens=context.tokens.all.tolist(),
        prompt_length=context.tokens.prompt_length,
        max_length=context.max_length,
        eos_tracker=context.eos_tracker,
        sampling_params=context.sampling_params.with_seed(),
        model_name=context.model_name,
        constraint=context.constraint,
        adapter=context.adapter,
        cache_salt=context.cache_salt,
        client=context.client,
        client_weight=context.client_weight,
        log_probabilities=context.log_probabilities,
        log_probabilities_echo=context.log_probabilities_echo,
        prompt_tokens_scored=context.prompt_tokens_scored,
    )


def from_siblings(contexts: Sequence[TextContext]) -> list[Submit]:
    """A message for each of some contexts that differ in their ids and seeds; they share tokens."""
    first = from_context(contexts[0])
    return [first] + [
        msgspec.structs.replace(
            first, request_id=str(sibling.request_id), sampling_params=sibling.sampling_params
        )
        for sibling in contexts[1:]
    ]


def joined(siblings: Sequence[Submit]) -> Submit:
    """The messages of `from_siblings` as one."""
    seeds = {}
    for submit in siblings[1:]:
        seed = submit.sampling_params.seed
        assert seed is not None, "a sibling's seed follows from the first one's"
        seeds[submit.request_id] = seed
    return msgspec.structs.replace(siblings[0], siblings=seeds)


def to_contexts(submit: Submit) -> list[TextContext]:
    """The contexts that a `Submit` describes; nothing of them is in the KV cache yet."""
    first = TextContext(
        request_id=RequestID(submit.request_id),
        tokens=TokenBuffer(submit.tokens, prompt_length=submit.prompt_length),
        max_length=submit.max_length,
        eos_tracker=submit.eos_tracker,
        sampling_params=submit.sampling_params,
        model_name=submit.model_name,
        constraint=submit.constraint,
        adapter=submit.adapter,
        cache_salt=submit.cache_salt,
        client=submit.client,
        client_weight=submit.client_weight,
        log_probabilities=submit.log_probabilities,
        log_probabilities_echo=submit.log_probabilities_echo,
        prompt_tokens_scored=submit.prompt_tokens_scored,
    )
    return [first] + [
        replace(
            first,
            request_id=RequestID(request_id),
            tokens=TokenBuffer(first.tokens.all, prompt_length=submit.prompt_length),
            sampling_params=replace(first.sampling_params, seed=seed),
        )
        for request_id, seed in submit.siblings.items()
    ]
