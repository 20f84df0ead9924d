"""Predicts what the largest step of a model takes beside weights and KV pages."""

from __future__ import annotations

import numpy as np
import torch

from max.driver import Buffer
from max.engine import Model
from max.engine.activation_memory import peak_activation_bytes
from max.nn.transformer import ReturnLogits
from max.pipelines.config import PipelineConfig
from max.pipelines.context import TextContext, TokenBuffer
from max.pipelines.kv_cache.storage import page_views
from max.pipelines.lib.interfaces import ModelInputs, PipelineModelWithKVCache

# For each logit of the sampler's rows: itself, a copy and the softmax in float32, the latter and
# its running sum in float64 (`max.kernels.choose_tokens`). All that comes beside the
# graph's peak, whose memory is kept for the next step.
_SAMPLING_BYTES = 4 + 4 + 4 + 8 + 8


def largest_step_bytes(
    model: PipelineModelWithKVCache, config: PipelineConfig, max_batch_size: int
) -> int:
    """Most bytes that tensors take in a step of as many tokens and requests as there can be.

    The graph that the model keeps as `model.model` tells it. A model that keeps none is asked, and
    so is one whose class has an estimate of its own, which counts if it is larger: it may know of
    work outside of the graph.
    """
    graph = getattr(model, "model", None)
    estimate = type(model).estimate_activation_memory
    definers = [c for c in type(model).__mro__ if "estimate_activation_memory" in vars(c)]
    is_own = definers[0] is not PipelineModelWithKVCache
    is_asked = is_own or not isinstance(graph, Model)
    told = estimate(config, model.huggingface_config) if is_asked else 0
    if not isinstance(graph, Model):
        return told
    contexts = _largest_batch(model, config, max_batch_size)
    pages = torch.empty(1, model.kv_params.bytes_per_block, dtype=torch.uint8, device="meta")
    views = [Buffer(view) for view in page_views(pages, model.kv_params.layout)]
    largest = inputs_of_fresh(model, contexts, views)
    inputs = [buffer.tensor for buffer in largest.all_buffers]
    vocab_size = int(graph.compiled.output_types[0].shape[-1])
    sampling = len(contexts) * vocab_size * _SAMPLING_BYTES
    return max(told, peak_activation_bytes(graph, inputs) + sampling)


def _largest_batch(
    model: PipelineModelWithKVCache, config: PipelineConfig, max_batch_size: int
) -> list[TextContext]:
    """Decoding requests, and a prompt that takes all other tokens of the step."""
    runtime = config.runtime
    rows = runtime.step_tokens
    if not runtime.enable_chunked_prefill:
        rows = max(rows, model.max_seq_len)
    prompt = max(1, rows - (max_batch_size - 1))
    return fresh_requests([prompt, *[1] * (max_batch_size - 1)])


def fresh_requests(lengths: list[int]) -> list[TextContext]:
    """Requests with prompts of so many tokens, all of which are token 0."""
    return [
        TextContext(max_length=length, tokens=TokenBuffer(np.zeros(length, dtype=np.int64)))
        for length in lengths
    ]


def inputs_of_fresh(
    model: PipelineModelWithKVCache, contexts: list[TextContext], views: list[Buffer]
) -> ModelInputs:
    """The graph's inputs for a step over requests whose pages are all the null page.

    Args:
        model: whose graph it is.
        contexts: of which nothing is computed yet.
        views: the tables' views of the pages; they need no memory where nothing is computed.
    """
    lengths = [ctx.tokens.active_length for ctx in contexts]
    params, device = model.kv_params, model.devices[0]
    width = -(-model.max_seq_len // params.page_size)
    lookup = Buffer.from_numpy(np.zeros((len(lengths), width), np.uint32)).to(device)
    longest = Buffer.from_numpy(np.array([max(lengths)], dtype=np.uint32))
    cache = params.inputs(
        views,
        Buffer.from_numpy(np.zeros(len(lengths), np.uint32)).to(device),
        [lookup] * len(views),
        longest,
        longest,
    )
    every_row = model.return_logits is not ReturnLogits.LAST_TOKEN
    return model.prepare_initial_token_inputs([contexts], cache, lengths if every_row else 1)
