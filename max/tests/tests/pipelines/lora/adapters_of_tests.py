"""A tiny model with three adapters for two slots, and what each request gets alone."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from pathlib import Path

from integration.test_common.lora_files import write_random_adapter
from integration.test_common.tiny_checkpoints import cached_checkpoint
from integration.test_common.tiny_models import TINY_MODELS
from max.driver import CPU
from max.nn.kv_cache import KVCacheParams
from max.pipelines.context import EOSTracker, SamplingParams, TextContext, TokenBuffer
from max.pipelines.kv_cache import PagedKVCacheManager
from max.pipelines.lib import PIPELINE_REGISTRY, TextGenerationPipeline
from max.pipelines.lib.adapters import Adapters
from max.pipelines.lora.pool import AdapterPool
from max.pipelines.modeling.types import RequestID
from max.pipelines.scheduling import Scheduler, SchedulerConfig, run_steps
from tests.pipelines.lib.tiny_llama import make_config
from tests.pipelines.scheduling.histories import Arrival, Setup

PAGE_SIZE = 4
NUM_SLOTS = 2
_BASE = cached_checkpoint(TINY_MODELS["tiny-llama-odd"])
_END_TOKENS = frozenset(range(30, 50))


@dataclass
class AdaptedModel:
    """A model with adapters; each world has a cache and slots of its own."""

    pipeline: TextGenerationPipeline
    folders: list[Path]
    digests: list[str]
    answers: dict[Arrival, list[int]] = field(default_factory=dict)

    def start(self, setup: Setup) -> tuple[PagedKVCacheManager, TextGenerationPipeline]:
        compiled = self.pipeline
        params = compiled.pipeline_model.kv_params
        assert isinstance(params, KVCacheParams)
        manager = PagedKVCacheManager(
            replace(params, enable_prefix_caching=setup.caching),
            setup.total_pages * len(params.layout.tables),
            CPU(),
            steps_in_flight=2,
        )
        fresh = TextGenerationPipeline(compiled.pipeline_config, compiled.pipeline_model, manager)
        fresh.adapters = self.make_adapters()
        return manager, fresh

    def make_adapters(self, *, are_known: bool = True) -> Adapters:
        """Those of a process, none of them in a slot: all, or none yet."""
        known = self.pipeline.adapters
        assert known is not None
        adapters = copy.copy(known)
        adapters.pool = AdapterPool(known.pool.layers, NUM_SLOTS)
        for digest in self.digests if are_known else ():
            adapters.pool.add(known.pool.known[digest])
        return adapters

    def make_context(self, arrival: Arrival, name: str) -> TextContext:
        return TextContext(
            request_id=RequestID(name),
            tokens=TokenBuffer(arrival.prompt),
            max_length=len(arrival.prompt) + arrival.max_new_tokens,
            eos_tracker=EOSTracker(eos_token_ids=_END_TOKENS),
            sampling_params=SamplingParams(temperature=0.0),
            cache_salt=arrival.salt,
            # What a history draws as a seed chooses the adapter here.
            adapter=self.digests[arrival.seed - 1] if arrival.seed else None,
        )

    def solo_answer(self, arrival: Arrival) -> list[int]:
        key = replace(arrival, salt=None)
        if key not in self.answers:
            alone = SchedulerConfig(max_batch_size=1)
            manager, pipeline = self.start(Setup(12, PAGE_SIZE, caching=False, config=alone))
            assert pipeline.adapters is not None
            scheduler = Scheduler(alone, manager, pipeline.adapters.pool)
            ctx = self.make_context(arrival, "solo")
            scheduler.add(ctx)
            for _ in run_steps(pipeline, scheduler):
                pass
            self.answers[key] = ctx.tokens.generated.tolist()
        return self.answers[key]


def make_adapted_model(root: Path) -> AdaptedModel:
    """Writes and loads three adapters.

    Args:
        root: folder for them.
    """
    targets = ["q_proj", "v_proj", "up_proj", "down_proj", "lm_head"]
    folders = [write_random_adapter(root / str(i), _BASE, targets, seed=i) for i in range(3)]
    config = make_config(
        _BASE,
        enable_lora=True,
        max_num_loras=NUM_SLOTS,
        max_batch_size=6,
        max_length=48,
        kv_cache_page_size=PAGE_SIZE,
    )
    pipeline: TextGenerationPipeline = PIPELINE_REGISTRY.retrieve(config)[1]
    assert pipeline.adapters is not None
    digests = [pipeline.adapters.load(folder.name, str(folder)) for folder in folders]
    return AdaptedModel(pipeline, folders, digests)
