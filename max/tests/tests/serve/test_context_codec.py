"""Tests of `max.serve.context_codec`."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from max.pipelines.context import Constraint, EOSTracker, SamplingParams, TextContext, TokenBuffer
from max.pipelines.modeling.types import RequestID
from max.serve.context_codec import from_context, from_siblings, joined, to_contexts
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
        constraint=Constraint(grammar='start: "a"'),
        adapter="digest",
        client="somebody",
        client_weight=2.5,
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
        stop=["x"],
        stop_token_ids=[9],
        seed=-42,
        logit_bias={3: 2.5},
    )

    data = msgspec.msgpack.encode(from_context(context))
    (rebuilt,) = to_contexts(msgspec.msgpack.decode(data, type=Submit))

    assert rebuilt.sampling_params == context.sampling_params
    assert rebuilt.eos_tracker == context.eos_tracker
    assert rebuilt.tokens.all.tolist() == [5, 6, 7]
    for name in (
        "request_id",
        "max_length",
        "model_name",
        "constraint",
        "adapter",
        "cache_salt",
        "client",
        "client_weight",
        "status",
        "log_probabilities",
        "log_probabilities_echo",
        "prompt_tokens_scored",
    ):
        assert getattr(rebuilt, name) == getattr(context, name)


def test_seed_is_decided_before_the_worker_sees_the_request() -> None:
    assert from_context(make_context()).sampling_params.seed is not None


def test_siblings_travel_together() -> None:
    first = make_context(seed=3, temperature=0.5)
    second, third = (
        replace(
            first, request_id=RequestID(), sampling_params=replace(first.sampling_params, seed=s)
        )
        for s in (-4, 5)
    )
    contexts = [first, second, third]

    data = msgspec.msgpack.encode(joined(from_siblings(contexts)))
    rebuilt = to_contexts(msgspec.msgpack.decode(data, type=Submit))

    assert [context.request_id for context in rebuilt] == [c.request_id for c in contexts]
    assert [context.sampling_params for context in rebuilt] == [c.sampling_params for c in contexts]
    assert [context.tokens.all.tolist() for context in rebuilt] == [[5, 6, 7]] * 3
    for name in ("cache_salt", "model_name", "max_length", "log_probabilities", "eos_tracker"):
        assert [getattr(context, name) for context in rebuilt] == [getattr(first, name)] * 3
    assert [context.tokens.prompt_length for context in rebuilt] == [3] * 3
    rebuilt[0].update(8)
    assert [len(context.tokens) for context in rebuilt] == [4, 3, 3]


def test_replay_is_the_same_message_with_the_emitted_tokens() -> None:
    submit = from_context(make_context())
    (replay,) = to_contexts(msgspec.structs.replace(submit, tokens=[*submit.tokens, 8, 9]))

    assert replay.tokens.prompt.tolist() == [5, 6, 7]
    assert replay.tokens.generated.tolist() == [8, 9]
    assert replay.tokens.processed_length == 0


def test_siblings_that_had_begun_know_their_prompt() -> None:
    submit = from_context(make_context(seed=1))
    began = msgspec.structs.replace(submit, tokens=[*submit.tokens, 8], siblings={"other": 2})

    assert [context.tokens.prompt.tolist() for context in to_contexts(began)] == [[5, 6, 7]] * 2
