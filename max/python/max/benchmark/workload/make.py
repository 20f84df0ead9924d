"""Makes the conversations that the settings ask for."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from max.benchmark.lengths import parse_lengths
from max.benchmark.settings import DEFAULT_NUM_PROMPTS, Settings
from max.benchmark.workload.conversation import Conversation
from max.benchmark.workload.drawn import (
    Prompts,
    SharedPrefixes,
    prefix_conversations,
    random_conversations,
)
from max.benchmark.workload.from_file import file_conversations
from max.benchmark.workload.vocabulary import Vocabulary, load_tokenizer


class Workload:
    """Makes conversations; loads the tokenizer when the first prompt is drawn."""

    def __init__(self, settings: Settings, tokenizer: str | None) -> None:
        """Remembers what is asked for.

        Args:
            settings: the settings of the run.
            tokenizer: where the tokenizer is, if that is known.
        """
        self._settings = settings
        self._prompts = cache(lambda: _load_prompts(settings, tokenizer))

    def conversations(self, count: int | None, seed: int) -> list[Conversation]:
        """Makes `count` conversations, or as many as the settings say.

        Raises:
            ValueError: if the settings ask for what cannot be.
        """
        settings = self._settings
        if settings.dataset == "file":
            assert settings.dataset_path is not None, "Settings.check says so"
            count = settings.num_prompts if count is None else count
            path = Path(settings.dataset_path)
            return file_conversations(path, count, settings.endpoint, self._prompts, seed)
        if count is None:
            count = settings.num_prompts or DEFAULT_NUM_PROMPTS
        lengths = parse_lengths(settings.input_len), parse_lengths(settings.output_len)
        if settings.dataset == "random":
            return random_conversations(self._prompts(), count, *lengths, seed)
        prefixes = SharedPrefixes(settings.prefix_len, settings.num_prefixes, settings.num_turns)
        return prefix_conversations(self._prompts(), count, prefixes, *lengths, seed)


def _load_prompts(settings: Settings, tokenizer: str | None) -> Prompts:
    if tokenizer is None:
        raise ValueError(
            "random prompts need the model's tokenizer: give --tokenizer its folder, or its "
            "Hugging Face repository id"
        )
    return Prompts(
        Vocabulary(load_tokenizer(tokenizer)),
        as_tokens=settings.sends_tokens,
        special_tokens=settings.endpoint == "completions",
    )
