"""Logits of MAX: the pipeline generates, and a logits processor looks on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from integration.test_common.logit_files import Logits, PromptLogits, TokenLogits
from integration.tools.logit_run import LogitRun, Progress, Query
from max.pipelines.context import ProcessorInputs, SamplingParams
from max.pipelines.lib import PIPELINE_REGISTRY
from max.pipelines.modeling.types import TextGenerationRequest


def generate_with_max(run: LogitRun, progress: Progress) -> list[PromptLogits]:
    """Runs the model; see `generate_logits`."""
    config = run.pipeline_config()
    _, pipeline = PIPELINE_REGISTRY.retrieve(config)
    queries = run.queries()
    watchers = [_Watcher(query, progress) for query in queries]
    requests = [
        TextGenerationRequest(
            model_name=config.model.model_name,
            prompt=query.prompt,
            sampling_params=SamplingParams(
                top_k=1,
                ignore_eos=True,
                max_new_tokens=query.num_steps,
                logits_processors=[watcher],
            ),
        )
        for query, watcher in zip(queries, watchers, strict=True)
    ]
    outputs = pipeline.generate(requests)
    return [
        watcher.result(output.tokens) for watcher, output in zip(watchers, outputs, strict=True)
    ]


@dataclass
class _Watcher:
    """Keeps the logits of each token of one request, and forces the token if it is to be."""

    query: Query
    progress: Progress
    rows: list[Logits] = field(default_factory=list)

    def __call__(self, inputs: ProcessorInputs) -> None:
        logits = inputs.logits.tensor[-1]
        self.rows.append(logits.float().cpu().numpy().astype(np.float32, copy=True))
        if self.query.forced is not None:
            token = self.query.forced[len(self.rows) - 1]
            logits.fill_(-float("inf"))
            logits[token] = 0.0
        self.progress()

    def result(self, tokens: list[int]) -> PromptLogits:
        if len(tokens) < self.query.num_steps:
            raise ValueError(
                f"the model gave {len(tokens)} of {self.query.num_steps} tokens after the prompt "
                f"{self.query.prompt!r}: its length limit is reached; use fewer --num-steps"
            )
        values = [TokenLogits(t, row) for t, row in zip(tokens, self.rows, strict=True)]
        return PromptLogits(self.query.prompt, values)
