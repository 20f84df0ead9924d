"""One timed answer for `max generate`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from max.engine.replay import OpTime
    from max.pipelines.context import SamplingParams
    from max.pipelines.lib import TextGenerationPipeline
    from max.pipelines.modeling.types import TextGenerationRequest


class Answer(NamedTuple):
    """Sizes in tokens, and times in seconds since the request.

    Attributes:
        prompt_size: tokens of the prompt, chat template included.
        output_size: tokens of the answer.
        first_token: until the first token.
        total: until the last one.
        prefill_ops: what the kernels took until the first token, where they are profiled.
        decode_ops: what they took after it.
        cuts: operations that run outside of the recorded programs.
        loads: for each layer of experts the rows that each had.
    """

    prompt_size: int
    output_size: int
    first_token: float
    total: float
    prefill_ops: Sequence[OpTime] = ()
    decode_ops: Sequence[OpTime] = ()
    cuts: Sequence[str] = ()
    loads: Mapping[str, Sequence[int]] = MappingProxyType({})


def make_request(
    pipeline: TextGenerationPipeline,
    prompt: str,
    sampling_params: SamplingParams,
    lora: str | None = None,
) -> TextGenerationRequest:
    """The prompt as a user's message where the model has a chat template, else as it is.

    Args:
        pipeline: that shall answer.
        prompt: what to answer.
        sampling_params: how.
        lora: name of the adapter that answers; None for the base model.
    """
    from max.pipelines.modeling.types import TextGenerationRequest, TextGenerationRequestMessage

    name = lora or pipeline.pipeline_config.model.model_name
    if not pipeline.tokenizer.has_chat_template:
        return TextGenerationRequest(
            model_name=name, prompt=prompt, sampling_params=sampling_params
        )
    message = TextGenerationRequestMessage(role="user", content=prompt)
    return TextGenerationRequest(
        model_name=name, messages=[message], sampling_params=sampling_params
    )


def answer(
    pipeline: TextGenerationPipeline,
    request: TextGenerationRequest,
    show: Callable[[str], object],
) -> Answer:
    """Answers a request, showing the text (or, without `detokenize`, token ids) as it comes.

    Raises:
        InputError: if the request does not fit.
    """
    from max.pipelines.lib.offline import make_contexts
    from max.pipelines.lib.stream_decoder import StreamDecoder

    started = time.perf_counter()
    (context,) = make_contexts(pipeline.tokenizer, [request])
    params = request.sampling_params
    decoder = StreamDecoder.of(pipeline.tokenizer, params)
    profiler = pipeline.pipeline_model.session.profiler
    prefill_ops: Sequence[OpTime] = ()
    first_token = 0.0
    num_tokens = 0
    for outputs in pipeline.answer([context]):
        tokens = outputs[context.request_id].tokens
        if tokens and num_tokens == 0:
            first_token = time.perf_counter() - started
            prefill_ops = profiler.take()
        num_tokens += len(tokens)
        show(decoder.push(tokens) if params.detokenize else "".join(f"{t} " for t in tokens))
    if params.detokenize:
        show(decoder.finish())
    total = time.perf_counter() - started
    return Answer(
        context.tokens.prompt_length,
        num_tokens,
        first_token,
        total,
        prefill_ops,
        decode_ops=profiler.take(),
        cuts=[cut for cuts in profiler.cuts.values() for cut in cuts],
        loads=profiler.loads,
    )
