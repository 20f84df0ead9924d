"""Generation from Python, without a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from max.pipelines.config import PipelineConfig
    from max.pipelines.lib import TextGenerationPipeline
    from max.pipelines.modeling.types import RequestID


class LLM:
    """A model that continues prompts.

    ```python
    llm = LLM(PipelineConfig.from_flat_kwargs(model_path="demo"))
    print(llm.generate(["What is 2 + 3?"], max_new_tokens=20))
    ```

    Args:
        pipeline_config: the model and how it runs. It is loaded at once.

    Raises:
        ValueError: if the model cannot be found or does not fit.
    """

    def __init__(self, pipeline_config: PipelineConfig) -> None:
        from max.pipelines.lib import PIPELINE_REGISTRY

        self._config = pipeline_config
        self._pipeline: TextGenerationPipeline
        _, self._pipeline = PIPELINE_REGISTRY.retrieve(pipeline_config)

    def generate(
        self,
        prompts: str | Sequence[str],
        max_new_tokens: int | None = 100,
        use_tqdm: bool = True,
        lora: str | None = None,
    ) -> list[str]:
        """Continues each prompt, as text: no chat template is applied.

        Args:
            prompts: one prompt or several; they are batched as the cache allows.
            max_new_tokens: longest continuation in tokens; None leaves it to the model's length.
            use_tqdm: show a progress bar on stderr, one step per finished prompt.
            lora: name of the adapter of `lora_paths` that answers; the base model unless given.

        Returns:
            The continuations, in the order of the prompts.

        Raises:
            InputError: if a prompt is too long.
            ConfigurationError: if there is no such adapter.
        """
        from tqdm import tqdm

        from max.pipelines.context import SamplingParams
        from max.pipelines.lib.offline import make_contexts
        from max.pipelines.lib.stream_decoder import StreamDecoder
        from max.pipelines.modeling.types import TextGenerationRequest

        if lora is not None:
            self._config.lora.require(lora)
        defaults = self._config.model.sampling_params_defaults.values_to_update
        params = SamplingParams(**{**defaults, "max_new_tokens": max_new_tokens})
        requests = [
            TextGenerationRequest(
                model_name=lora or self._config.model.model_name,
                prompt=prompt,
                sampling_params=params,
            )
            for prompt in ([prompts] if isinstance(prompts, str) else prompts)
        ]
        tokenizer = self._pipeline.tokenizer
        contexts = make_contexts(tokenizer, requests)
        decoders = {context.request_id: StreamDecoder.of(tokenizer, params) for context in contexts}
        pieces: dict[RequestID, list[str]] = {context.request_id: [] for context in contexts}
        with tqdm(total=len(contexts), disable=not use_tqdm, unit="prompt") as progress:
            for outputs in self._pipeline.answer(contexts):
                for request_id, output in outputs.items():
                    pieces[request_id].append(decoders[request_id].push(output.tokens))
                    progress.update(output.is_done)
        return [
            "".join(pieces[context.request_id]) + decoders[context.request_id].finish()
            for context in contexts
        ]
