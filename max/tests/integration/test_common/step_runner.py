"""Runs a model step by step, in batches that the caller composes, and keeps all logits."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from integration.test_common.torch_reference import Logits
from max.engine import Model
from max.engine.replay import SegmentRunner
from max.nn.transformer import ReturnLogits
from max.pipelines.context import SamplingParams, TextContext, TokenBuffer
from max.pipelines.lib import PIPELINE_REGISTRY, PipelineConfig
from max.pipelines.lib.decoder_model import DecoderModel
from max.pipelines.lib.interfaces import ModelInputs, ModelOutputs
from max.pipelines.lib.registry import PipelineFactory
from max.pipelines.modeling.types import TextGenerationInputs


@dataclass
class RunningRequest:
    """A request, and the logits after each of its tokens so far.

    Attributes:
        context: its state.
        rows: what each step gave, float32 [tokens of the step, vocab].
    """

    context: TextContext
    rows: list[Logits] = field(default_factory=list)

    @property
    def tokens(self) -> list[int]:
        """Prompt and generated tokens."""
        return [int(token) for token in self.context.tokens.all]

    @property
    def generated(self) -> list[int]:
        """Generated tokens."""
        return [int(token) for token in self.context.tokens.generated]

    @property
    def logits(self) -> Logits:
        """The logits after each processed token, float32 [tokens, vocab]."""
        return np.concatenate(self.rows)


class StepRunner:
    """A pipeline without a scheduler.

    Args:
        folder: the checkpoint.
        encoding: "float32" or "bfloat16", say; None for that of the checkpoint.
        page_size: tokens of a page; small, so that short prompts cross the borders of pages.
        prefix_caching: whether requests share pages of equal beginnings.
        custom_architectures: packages with architectures of one's own.
        kv_cache_format: element type of the KV cache, if not the usual one.
        adapters: folders of LoRA adapters by name; all of them have slots.
        settings: further ones of the pipeline.
    """

    def __init__(
        self,
        folder: Path,
        encoding: str | None = "float32",
        page_size: int = 16,
        prefix_caching: bool = False,
        custom_architectures: Sequence[str] = (),
        kv_cache_format: str | None = None,
        adapters: Mapping[str, Path] | None = None,
        **settings: Any,
    ) -> None:
        if adapters is not None:
            paths = [f"{name}={path}" for name, path in adapters.items()]
            lora = {"enable_lora": True, "max_num_loras": len(adapters), "lora_paths": paths}
            settings = lora | settings
        config = PipelineConfig.from_flat_kwargs(
            model_path=str(folder),
            quantization_encoding=encoding,
            device_specs="cpu",
            max_batch_size=4,
            kv_cache_page_size=page_size,
            enable_prefix_caching=prefix_caching,
            custom_architectures=list(custom_architectures),
            kv_cache_format=kv_cache_format,
            **settings,
        )
        self.folder = folder
        PIPELINE_REGISTRY.resolve(config)
        self.pipeline = PipelineFactory(config, return_logits=ReturnLogits.ALL)()
        self._digests: dict[str, str] = {}
        for name, path in (adapters or {}).items():
            self.load(name, path)
        model = self.pipeline.pipeline_model
        self.max_length = model.max_seq_len
        self._outputs: list[ModelOutputs] = []
        execute = model.execute

        def remember(model_inputs: ModelInputs) -> ModelOutputs:
            self._outputs.append(execute(model_inputs))
            return self._outputs[-1]

        model.execute = remember  # type: ignore[method-assign]

    def load(self, name: str, adapter: Path) -> None:
        """Makes an adapter known, which may lack a slot."""
        assert self.pipeline.adapters is not None
        self._digests[name] = self.pipeline.adapters.load(name, str(adapter))

    def start(self, prompt: Sequence[int], adapter: str | None = None) -> RunningRequest:
        """A new request, sampled greedily and without an end; of an adapter, if one is named."""
        context = TextContext(
            max_length=self.max_length,
            tokens=TokenBuffer(prompt),
            sampling_params=SamplingParams(temperature=0.0),
            adapter=None if adapter is None else self._digests[adapter],
        )
        if self.pipeline.adapters is not None:
            self.pipeline.adapters.pool.take(context)
        self.pipeline.kv_manager.claim(context.request_id)
        return RunningRequest(context)

    def step(self, batch: Sequence[tuple[RunningRequest, int]]) -> None:
        """Processes, in one batch, at most so many tokens of each of these requests."""
        contexts = [request.context for request, _ in batch]
        for context, (_, count) in zip(contexts, batch, strict=True):
            context.tokens.chunk(count)
            self.pipeline.kv_manager.alloc(context)
        self.pipeline.execute(TextGenerationInputs(batches=[contexts]))
        (outputs,) = self._outputs
        self._outputs.clear()
        assert outputs.logit_offsets is not None
        rows = np.split(
            outputs.logits.to_numpy(), outputs.logit_offsets.to_numpy()[1:-1].astype(int)
        )
        for (request, _), found in zip(batch, rows, strict=True):
            request.rows.append(found.copy())

    def finish_prompt(self, request: RunningRequest, chunk: int) -> None:
        """Processes the rest of the prompt in chunks of so many tokens, alone."""
        while request.context.tokens.generated_length == 0:
            self.step([(request, chunk)])

    def end(self, *requests: RunningRequest) -> None:
        """Gives the requests' pages back and checks the books."""
        for request in requests:
            self.pipeline.release(request.context.request_id)
            if self.pipeline.adapters is not None:
                self.pipeline.adapters.pool.release(request.context)
        self.pipeline.kv_manager.check_integrity()


def assert_one_segment(model: Model | StepRunner) -> None:
    """Of a model that has run: operands that a kernel does not take are cut out by then."""
    if isinstance(model, StepRunner):
        decoder = model.pipeline.pipeline_model
        assert isinstance(decoder, DecoderModel)
        model = decoder.model
    calls = [
        node.target
        for node in model.replayed.lowered.graph.nodes
        if node.op == "call_function" and node.target is not operator.getitem
    ]
    assert len(calls) == 1, f"these run one by one: {calls}"
    assert isinstance(getattr(calls[0], "__self__", None), SegmentRunner)
