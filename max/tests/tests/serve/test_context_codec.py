"""Tests of `max.serve.context_codec`."""

from __future__ import annotations

import msgspec

from max.pipelines.context import EOSTracker, SamplingParams, TextContext, TokenBuffer
from max.serve.context_codec import from_context, to_context
from max.serve.messages import Submit


def make_context(**params: object) -> TextContext:
    return TextContext(
        tokens=TokenBuffer([5, 6, 7]),
        max_length=20,
        eos_tracker=EOSTracker(
            eos_token_ids=frozenset({1, 2}),
            stop_token_ids=frozenset({9}),
            ignore_eos=True,
            min_new_tokens=4,
        ),
        sampling_params=SamplingParams(**params),  # type: ignore[arg-type]
        model_name="model",
        cache_salt="salt",
        log_probabilities=0,
        log_probabilities_echo=True,
        prompt_tokens_scored=1,
    )


def test_context_survives_the_way_to_the_worker() -> None:
    context = make_context(
        top_k=3,
        top_p=0.5,
        min_p=0.1,
        temperature=0.7,
        frequency_penalty=1,
        presence_penalty=-1,
        repetition_penalty=1.5,
        min_new_tokens=4,
        ignore_eos=True,
        stop_token_ids=[9],
        seed=-42,
        logit_bias={3: 2.5},
    )

    data = msgspec.msgpack.encode(from_context(context))
    rebuilt = to_context(msgspec.msgpack.decode(data, type=Submit))

    assert rebuilt.sampling_params == context.sampling_params
    assert rebuilt.eos_tracker == context.eos_tracker
    assert rebuilt.tokens.all.tolist() == [5, 6, 7]
    for name in (
        "request_id",
        "max_length",
        "model_name",
        "cache_salt",
        "status",
        "log_probabilities",
        "log_probabilities_echo",
        "prompt_tokens_scored",
    ):
        assert getattr(rebuilt, name) == getattr(context, name)


def test_stop_strings_stay_on_this_side() -> None:
    assert to_context(from_context(make_context(stop=["x"]))).sampling_params.stop is None


def test_seed_is_decided_before_the_worker_sees_the_request() -> None:
    submit = from_context(make_context())

    assert to_context(submit).sampling_params.seed == submit.sampling.seed


def test_replay_is_the_same_message_with_the_emitted_tokens() -> None:
    submit = from_context(make_context())
    replay = to_context(msgspec.structs.replace(submit, tokens=[*submit.tokens, 8, 9]))

    assert replay.tokens.prompt.tolist() == [5, 6, 7]
    assert replay.tokens.generated.tolist() == [8, 9]
    assert replay.tokens.processed_length == 0
