"""What a run is asked to do."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Endpoint = Literal["completions", "chat"]
Dataset = Literal["random", "prefix", "file"]
PromptFormat = Literal["auto", "tokens", "text"]

DEFAULT_NUM_PROMPTS = 100
PATHS: dict[Endpoint, str] = {
    "completions": "/v1/completions",
    "chat": "/v1/chat/completions",
}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a run: the options of `max benchmark`, which its result file repeats.

    Attributes:
        base_url: Where the server is, e.g. http://127.0.0.1:8000.
        endpoint: Which of its endpoints is asked.
        model: The model's name in requests; None asks `/v1/models`.
        tokenizer: Where the tokenizer is; None takes the model, if that is a folder here.
        dataset: Where the prompts come from.
        dataset_path: The file of the dataset `file`.
        num_prompts: Number of conversations; each has `num_turns` requests. None takes all lines
            of a file, else 100.
        input_len: Lengths of prompts in tokens, as `parse_lengths` reads them.
        output_len: Longest answers in tokens, likewise.
        prefix_len: Tokens that the conversations of a group begin with.
        num_prefixes: Number of such groups.
        num_turns: Questions in a conversation.
        prompt_format: Token ids or text; `auto` takes token ids where they can be sent.
        request_rate: Mean arrivals per second of a Poisson process; None lets all arrive at once.
        burstiness: Shape of the gaps between arrivals: 1 for a Poisson process, below it bursts.
        max_duration: Seconds after which the run is ended; None lets it end by itself.
        max_concurrency: Conversations that run at a time; None does not limit them.
        seed: Of prompts, lengths and arrivals.
        num_warmups: Requests before the run that are not counted.
        ignore_eos: Whether answers go on to their full length; None leaves it to the dataset.
        sampling: Sampling parameters of the requests; greedy unless given.
        extra_body: Further fields of the requests; they win over all others.
        request_timeout: Longest time of a request in seconds.
        skip_first: Requests at the beginning that the numbers leave out.
        skip_last: Requests at the end, likewise.
        skip_first_turns: Whether they leave out the first questions of conversations.
        metadata: What the result file says of the run.
        label: The name of the run in comparisons.
    """

    base_url: str = "http://127.0.0.1:8000"
    endpoint: Endpoint = "completions"
    model: str | None = None
    tokenizer: str | None = None
    dataset: Dataset = "random"
    dataset_path: str | None = None
    num_prompts: int | None = None
    input_len: str = "128"
    output_len: str = "64"
    prefix_len: int = 256
    num_prefixes: int = 1
    num_turns: int = 1
    prompt_format: PromptFormat = "auto"
    request_rate: float | None = None
    burstiness: float = 1.0
    max_duration: float | None = None
    max_concurrency: int | None = None
    seed: int = 0
    num_warmups: int = 1
    ignore_eos: bool | None = None
    sampling: dict[str, Any] = msgspec.field(default_factory=lambda: {"temperature": 0.0})
    extra_body: dict[str, Any] = {}
    request_timeout: float = 600.0
    skip_first: int = 0
    skip_last: int = 0
    skip_first_turns: bool = False
    metadata: dict[str, str] = {}
    label: str = ""

    @property
    def path(self) -> str:
        """The path of the endpoint."""
        return PATHS[self.endpoint]

    @property
    def sends_tokens(self) -> bool:
        """Whether prompts are token ids."""
        if self.prompt_format != "auto":
            return self.prompt_format == "tokens"
        return self.endpoint == "completions" and not self._has_turns

    @property
    def goes_on_after_eos(self) -> bool:
        """Whether answers go on to their full length."""
        return self.dataset != "file" if self.ignore_eos is None else self.ignore_eos

    @property
    def _has_turns(self) -> bool:
        return self.dataset == "prefix" and self.num_turns > 1

    def check(self) -> None:
        """Checks that the settings fit together.

        Raises:
            ValueError: if they do not.
        """
        if self.dataset == "file" and self.dataset_path is None:
            raise ValueError(
                "--dataset file needs --dataset-path: a file with a JSON object per line"
            )
        if self.dataset != "file" and self.dataset_path is not None:
            raise ValueError(
                f"--dataset {self.dataset} reads no --dataset-path: give --dataset file"
            )
        if self.dataset != "prefix" and self.num_turns > 1:
            raise ValueError(
                f"--dataset {self.dataset} has single requests: --num-turns needs --dataset prefix"
            )
        if self.prompt_format == "tokens" and self.endpoint == "chat":
            raise ValueError("--endpoint chat takes text: --prompt-format tokens needs completions")
        if self.prompt_format == "tokens" and self._has_turns:
            raise ValueError("answers come as text: --num-turns needs --prompt-format text")
