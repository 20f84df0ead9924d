"""What a run of `generate_llm_logits` shall do, and where its parts meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from integration.test_common.logit_files import PromptLogits
from integration.tools.create_pipelines import find_oracle
from max.pipelines.config import MAXModelConfig, PipelineConfig

Framework = Literal["max", "torch"]
NUM_STEPS = 10


@dataclass(frozen=True)
class LogitRun:
    """One model, asked some prompts in one framework.

    Attributes:
        pipeline: name in the table, folder or repository id.
        framework: what runs it.
        encoding: "float32" or "bfloat16"; None for the one that `max serve` would choose.
        device: as `--devices`.
        max_batch_size: prompts that MAX runs at once; None for as many as fit.
        custom_architectures: packages with architectures of one's own, for MAX.
        trust_remote_code: whether code that the checkpoint brings may be run.
        num_steps: tokens to generate per prompt.
        prompts: what to ask; None for the table's.
        reference: a run whose prompts are asked, and whose tokens are followed.
    """

    pipeline: str
    framework: Framework
    encoding: str | None = None
    device: str = "default"
    max_batch_size: int | None = None
    custom_architectures: tuple[str, ...] = ()
    trust_remote_code: bool = False
    num_steps: int = NUM_STEPS
    prompts: tuple[str, ...] | None = None
    reference: Sequence[PromptLogits] | None = None

    def queries(self) -> list[Query]:
        """What to ask, in order."""
        if self.reference is not None:
            return [Query(r.prompt, len(r.tokens), r.tokens) for r in self.reference]
        prompts = self.prompts or find_oracle(self.pipeline).prompts
        return [Query(prompt, self.num_steps) for prompt in prompts]

    def pipeline_config(self) -> PipelineConfig:
        """MAX's configuration for this run.

        Raises:
            ValueError: if the pipeline, device or encoding is unknown.
        """
        return PipelineConfig.from_flat_kwargs(
            model_path=find_oracle(self.pipeline).model_path(),
            quantization_encoding=self.encoding,
            device_specs=self.device,
            max_batch_size=self.max_batch_size,
            custom_architectures=list(self.custom_architectures),
            trust_remote_code=self.trust_remote_code,
        )


@dataclass(frozen=True)
class Query:
    """One prompt.

    Attributes:
        prompt: the text.
        num_steps: tokens to generate.
        forced: the tokens to follow; None for the most likely ones.
    """

    prompt: str
    num_steps: int
    forced: Sequence[int] | None = None


Progress = Callable[[], object]


def generate_logits(run: LogitRun, progress: Progress = lambda: None) -> list[PromptLogits]:
    """Runs the model.

    Args:
        run: what to do.
        progress: called after each token.

    Raises:
        ValueError: if the model cannot be found or does not fit.
    """
    if run.framework == "max":
        from integration.tools.max_logits import generate_with_max

        return generate_with_max(run, progress)
    from integration.tools.torch_logits import generate_with_torch

    return generate_with_torch(run, progress)


def resolved_encoding(run: LogitRun) -> str:
    """The encoding that MAX takes for this run, so that both frameworks take the same.

    Raises:
        ValueError: if none fits.
    """
    if run.encoding is not None:
        return run.encoding
    from max.pipelines.lib import PIPELINE_REGISTRY

    config = run.pipeline_config()
    PIPELINE_REGISTRY.resolve(config)
    model: MAXModelConfig = config.model
    assert model.quantization_encoding is not None
    return model.quantization_encoding


def mini(run: LogitRun) -> LogitRun:
    """One token of one prompt: whether it runs at all."""
    if run.reference is not None:
        first = run.reference[0]
        return replace(run, reference=[replace(first, values=first.values[:1])])
    return replace(run, num_steps=1, prompts=(run.queries()[0].prompt,))
