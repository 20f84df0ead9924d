"""The tokenizer of models that embed texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from max.pipelines.checkpoint.source import find_model
from max.pipelines.context import InputError, PromptTooLongError, TextContext, TokenBuffer
from max.pipelines.context.sampling_params import SamplingParams
from max.pipelines.lib.embed.sentence_settings import SentenceSettings
from max.pipelines.lib.tokenizer import TextTokenizer


class SentenceTokenizer(TextTokenizer):
    """Makes contexts of texts that are to be embedded. Arguments as of `TextTokenizer`."""

    def __init__(self, model_path: str | Path, *args: Any, **settings: Any) -> None:
        super().__init__(model_path, *args, **settings)
        source = find_model(
            str(model_path),
            revision=settings.get("revision") or "main",
            trust_remote_code=bool(settings.get("trust_remote_code")),
        )
        self.settings = SentenceSettings.of(source.folder())

    async def embedding_context(
        self, text: str | Sequence[int], limit: int, truncate_to: int | None = None
    ) -> TextContext:
        """The state of a request for one text's embedding.

        Args:
            text: the text, or its token ids.
            limit: most tokens of a text.
            truncate_to: most tokens that are read of it, special ones included; None for all.

        Raises:
            InputError: if it has no tokens, too many, or one that the model does not know.
        """
        if isinstance(text, str):
            tokens = await self._tokens_of(text, truncate_to)
        else:
            tokens = list(text)[:truncate_to]
        self.check_token_ids("input", tokens)
        if not tokens:
            raise InputError("The input has no tokens; at least one is needed.", param="input")
        if len(tokens) > limit:
            raise PromptTooLongError(len(tokens), limit, param="input")
        return TextContext(
            tokens=TokenBuffer(tokens),
            max_length=len(tokens),
            sampling_params=SamplingParams(seed=0),
        )

    async def _tokens_of(self, text: str, truncate_to: int | None) -> list[int]:
        text = self.settings.prompt + text
        if self.settings.is_lowercase:
            text = text.lower()
        whole: list[int] = (await self.encode(text)).tolist()
        if truncate_to is None or len(whole) <= truncate_to:
            return whole
        # What the tokenizer adds before and behind a text stays.
        plain: list[int] = (await self.encode(text, add_special_tokens=False)).tolist()
        added = len(whole) - len(plain)
        before = next(n for n in range(added + 1) if whole[n : n + len(plain)] == plain)
        behind = whole[before + len(plain) :]
        return (whole[:before] + plain[: max(0, truncate_to - added)] + behind)[:truncate_to]
