"""Contexts as messages and back."""

from __future__ import annotations

from max.pipelines.context import EOSTracker, SamplingParams, TextContext, TokenBuffer
from max.pipelines.modeling.types import RequestID
from max.serve.messages import Sampling, Submit


def from_context(context: TextContext) -> Submit:
    """The message that lets the worker rebuild `context`.

    What only this process knows stays here: stop strings, and logits processors, which no HTTP
    request has.
    """
    params = context.sampling_params.with_seed()
    assert params.seed is not None, "with_seed decides it"
    tracker = context.eos_tracker
    return Submit(
        request_id=str(context.request_id),
        tokens=context.tokens.all.tolist(),
        prompt_length=context.tokens.prompt_length,
        max_length=context.max_length,
        eos_token_ids=sorted(tracker.eos_token_ids),
        stop_token_ids=sorted(tracker.stop_token_ids),
        sampling=Sampling(
            top_k=params.top_k,
            top_p=params.top_p,
            min_p=params.min_p,
            temperature=params.temperature,
            frequency_penalty=params.frequency_penalty,
            presence_penalty=params.presence_penalty,
            repetition_penalty=params.repetition_penalty,
            min_new_tokens=tracker.min_new_tokens,
            ignore_eos=tracker.ignore_eos,
            seed=params.seed,
            logit_bias=dict(params.logit_bias) if params.logit_bias else None,
        ),
        model_name=context.model_name,
        cache_salt=context.cache_salt,
        log_probabilities=context.log_probabilities,
        log_probabilities_echo=context.log_probabilities_echo,
        prompt_tokens_scored=context.prompt_tokens_scored,
    )


def to_context(submit: Submit) -> TextContext:
    """The context that a `Submit` describes; nothing of it is in the KV cache yet."""
    sampling = submit.sampling
    params = SamplingParams(
        top_k=sampling.top_k,
        top_p=sampling.top_p,
        min_p=sampling.min_p,
        temperature=sampling.temperature,
        frequency_penalty=sampling.frequency_penalty,
        presence_penalty=sampling.presence_penalty,
        repetition_penalty=sampling.repetition_penalty,
        min_new_tokens=sampling.min_new_tokens,
        ignore_eos=sampling.ignore_eos,
        stop_token_ids=submit.stop_token_ids,
        seed=sampling.seed,
        logit_bias=sampling.logit_bias,
    )
    return TextContext(
        request_id=RequestID(submit.request_id),
        tokens=TokenBuffer(submit.tokens, prompt_length=submit.prompt_length),
        max_length=submit.max_length,
        eos_tracker=EOSTracker(
            eos_token_ids=frozenset(submit.eos_token_ids),
            stop_token_ids=frozenset(submit.stop_token_ids),
            ignore_eos=sampling.ignore_eos,
            min_new_tokens=sampling.min_new_tokens,
        ),
        sampling_params=params,
        model_name=submit.model_name,
        cache_salt=submit.cache_salt,
        log_probabilities=submit.log_probabilities,
        log_probabilities_echo=submit.log_probabilities_echo,
        prompt_tokens_scored=submit.prompt_tokens_scored,
    )
