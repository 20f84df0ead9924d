"""The state of one text request."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from max.pipelines.context.constraint import Constraint
from max.pipelines.context.eos import EOSTracker
from max.pipelines.context.sampling_params import SamplingParams
from max.pipelines.context.status import GenerationStatus
from max.pipelines.context.tokens import TokenBuffer
from max.pipelines.modeling.request_id import RequestID


@dataclass(kw_only=True)
class TextContext:
    """The state of one text request, from its arrival to its last token.

    Texts that end an answer (`SamplingParams.stop`) are not known here: tokens become text on the
    other side of the house, which then cancels the request.

    Attributes:
        max_length: How many tokens prompt and answer may have together.
        tokens: The tokens and the progress through them.
        request_id: The request's name.
        eos_tracker: Which tokens end the answer.
        sampling_params: How tokens are chosen.
        constraint: What the answer may consist of; None for anything.
        model_name: The model (or LoRA adapter) that the caller named.
        adapter: The digest of the adapter that answers; None for the base model.
        adapter_slot: Where that is in the model while the request runs, counted from 1; 0 for none.
        cache_salt: Cached prefixes are shared only with requests of the same salt.
        log_probabilities: How many of the best tokens' log probabilities to return beside each
            token's own; None for none at all.
        log_probabilities_echo: Whether to return those of the prompt too.
        prompt_tokens_scored: How many of the prompt's were returned. The prompt's first token has
            none, so there are `tokens.prompt_length - 1` in all. Survives preemption.
        client: Who asks: places are shared among clients, see `max.pipelines.scheduling.waiting`.
        client_weight: How much of them the client gets, beside others'.
        cached_tokens: How many prompt tokens were found in the cache when the request began; None
            before. Survives preemption.
        status: Whether the request still generates, and why it ended.
        follower: How far the tokens have got in the constraint; the sampler's.
        token_counts: Where its tokens are counted on the model's device; the sampler's.
    """

    max_length: int
    tokens: TokenBuffer
    request_id: RequestID = field(default_factory=RequestID)
    eos_tracker: EOSTracker = field(default_factory=EOSTracker)
    sampling_params: SamplingParams = field(default_factory=SamplingParams)
    constraint: Constraint | None = None
    model_name: str = ""
    adapter: str | None = None
    adapter_slot: int = 0
    cache_salt: str | None = None
    log_probabilities: int | None = None
    log_probabilities_echo: bool = False
    prompt_tokens_scored: int = 0
    client: str = ""
    client_weight: float = 1.0
    cached_tokens: int | None = None
    status: GenerationStatus = GenerationStatus.ACTIVE
    follower: object = field(default=None, init=False, repr=False, compare=False)
    token_counts: object = field(default=None, init=False, repr=False, compare=False)
    _page_keys: dict[int, list[bytes]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Checks that the tokens fit.

        Raises:
            ValueError: If there are more tokens than `max_length`.
        """
        if len(self.tokens) > self.max_length:
            raise ValueError(
                f"Request {self.request_id} has {len(self.tokens)} tokens; allowed is max_length, "
                f"{self.max_length}."
            )

    @property
    def is_done(self) -> bool:
        """Whether no further token will come."""
        return self.status is not GenerationStatus.ACTIVE

    @property
    def is_initial_prompt(self) -> bool:
        """Whether no token has been generated yet."""
        return self.tokens.generated_length == 0

    @property
    def awaits_last_token(self) -> bool:
        """Whether a step runs that gives the last token which fits; none is to be launched then."""
        return self.tokens.num_pending > 0 and len(self.tokens) >= self.max_length

    @property
    def wants_prompt_scores(self) -> bool:
        """Whether log probabilities of prompt tokens are still to be returned."""
        wanted = self.log_probabilities_echo and self.log_probabilities is not None
        return wanted and self.prompt_tokens_scored < self.tokens.prompt_length - 1

    @property
    def reusable_length(self) -> int:
        """How many leading tokens need no logits, so that their cached keys and values suffice."""
        return self.prompt_tokens_scored if self.wants_prompt_scores else len(self.tokens) - 1

    @property
    def page_root(self) -> bytes:
        """What the content of all its cached pages follows from, beside what they hold."""
        # The base model's does not depend on the name that it was called by.
        return repr((self.adapter, self.cache_salt)).encode()

    def page_content(self, start: int, stop: int) -> bytes:
        """What tells the tokens `start` .. `stop - 1` from others; images, too, where there are."""
        return self.tokens.all[start:stop].tobytes()

    def page_keys(self, page_size: int) -> list[bytes]:
        """The identity of each full page of its known tokens: SHA-256 over the key of the page
        before (of the first page: over `page_root`) and the page's content.

        Equal keys, equal content of a page and of all before it, in every process. Computed once.
        """
        keys = self._page_keys.setdefault(page_size, [])
        known = self.tokens.known_length
        for start in range(len(keys) * page_size, known - page_size + 1, page_size):
            before = keys[-1] if keys else sha256(self.page_root).digest()
            keys.append(sha256(before + self.page_content(start, start + page_size)).digest())
        return keys

    def update(self, token: int) -> None:
        """Adds a generated token and decides whether it is the last one.

        An end token is kept in `tokens`; it is not part of the answer's text.

        Raises:
            RuntimeError: If the request is done.
        """
        self.expect_token()
        self.fill(token)

    def expect_token(self) -> None:
        """Keeps a place for the token that a launched step will give.

        Raises:
            RuntimeError: If the request is done.
        """
        if self.is_done:
            raise RuntimeError(
                f"Request {self.request_id} is done ({self.status}) and takes no more tokens."
            )
        self.tokens.append_pending()

    def fill(self, token: int) -> None:
        """Adds the token for which a place was kept first, and decides whether it is the last one.

        If it is, the tokens that were expected after it are given up.
        """
        tokens = self.tokens
        known = tokens.fill(token)
        if self.eos_tracker.is_end(token, known - tokens.prompt_length):
            self.status = GenerationStatus.END_OF_SEQUENCE
            tokens.drop_pending()
        elif known >= self.max_length:
            self.status = GenerationStatus.MAXIMUM_LENGTH
            tokens.drop_pending()

    def reset(self) -> None:
        """Forgets what was computed, not what was generated: all tokens are processed again."""
        self.tokens.rewind()
