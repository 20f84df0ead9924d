"""A decoder made of parts, run over a prompt in chunks."""

from __future__ import annotations

import numpy as np
import torch

from integration.test_common.decoders import DECODERS, LENGTH, VOCAB, graph_of
from max.driver import CPU, Buffer
from max.engine import InferenceSession, Model
from max.nn.kv_cache import KVCacheParamInterface
from max.pipelines.context import TextContext, TokenBuffer
from max.pipelines.kv_cache import PagedKVCacheManager

PROMPT = np.random.default_rng(0).integers(0, VOCAB, 50)


class DecoderRun:
    """A decoder of ours with its cache, and what it should give for the prompt."""

    def __init__(self, name: str) -> None:
        reference = DECODERS[name].make_reference()
        with torch.inference_mode():
            self.expected = reference(torch.from_numpy(PROMPT[None])).logits[0].numpy()
        decoder = DECODERS[name].make(reference)
        session = InferenceSession([CPU()])
        self.model: Model = session.init(
            session.compile(graph_of(decoder)), weights_registry=decoder.state_dict()
        )
        self.params: KVCacheParamInterface = decoder.kv_params

    def logits(self, chunk: int) -> np.ndarray:
        """The logits of the prompt, processed in chunks of so many tokens."""
        manager = PagedKVCacheManager(self.params, 10, CPU())
        context = TextContext(max_length=LENGTH, tokens=TokenBuffer(PROMPT))
        manager.claim(context.request_id)
        rows = []
        while (start := context.tokens.processed_length) < len(PROMPT):
            context.tokens.chunk(chunk)
            manager.alloc(context)
            tokens = context.tokens.active
            arrays = (tokens, np.array([0, len(tokens)], np.uint32), start + np.arange(len(tokens)))
            inputs = [Buffer.from_numpy(array) for array in arrays]
            cache = manager.runtime_inputs([[context]]).flatten()
            rows.append(self.model.execute(*inputs, *cache)[1].to_numpy().copy())
            context.tokens.advance()
            manager.step([[context]])
        return np.concatenate(rows)
