"""How a request's tokens are chosen, and when its answer ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from secrets import randbits
from typing import Any

from max.pipelines.context.exceptions import InputError

_SEED_BITS = 63


@dataclass(frozen=True, kw_only=True)
class SamplingParams:
    """How a request's tokens are chosen, and when its answer ends.

    Plain data that msgspec can encode, except for `logits_processors`, which stay in the process
    that made them.

    Attributes:
        top_k: Only the k most likely tokens may be chosen; -1 is all, as are 0 and None; 1 is
            greedy, which it becomes with temperature 0.
        top_p: Only the smallest set of most likely tokens with this probability mass, in (0, 1];
            None is 1.
        min_p: Only tokens at least this fraction as likely as the most likely one, in [0, 1].
        temperature: Divides the logits; 0 is greedy.
        frequency_penalty: Taken off a token's logit once for each time it was generated, [-2, 2].
        presence_penalty: Taken off a token's logit once if it was generated, [-2, 2].
        repetition_penalty: Makes tokens of prompt and answer less likely when above 1
            (https://arxiv.org/abs/1909.05858).
        max_new_tokens: The longest answer in tokens; None leaves it to the model's length.
        min_new_tokens: No end before this many tokens; an end token is not one of them.
        ignore_eos: The model's end tokens do not end the answer.
        stop: Texts that end the answer, and are not part of it.
        stop_token_ids: Further tokens that end the answer, also under `ignore_eos`.
        detokenize: Whether the caller wants text.
        seed: Makes the choice repeatable, whatever else runs; None draws a fresh one.
        logit_bias: Added to the logits of these tokens, [-100, 100].
        logits_processors: Called with `ProcessorInputs` before sampling; may change the logits.
    """

    top_k: int = -1
    top_p: float = 1.0
    min_p: float = 0.0
    temperature: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    repetition_penalty: float = 1.0
    max_new_tokens: int | None = None
    min_new_tokens: int = 0
    ignore_eos: bool = False
    stop: Sequence[str] | None = None
    stop_token_ids: Sequence[int] | None = None
    detokenize: bool = True
    seed: int | None = None
    logit_bias: Mapping[int, float] | None = None
    logits_processors: Sequence[Callable[..., Any]] | None = None

    def __post_init__(self) -> None:
        """Brings sequences into one form and checks every range.

        Raises:
            InputError: Naming the field, what was given and what is allowed.
        """
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        object.__setattr__(self, "stop", stop or None)
        object.__setattr__(self, "top_k", _least_top_k(self.top_k, self.temperature))
        object.__setattr__(self, "top_p", 1.0 if _is_none(self.top_p) else self.top_p)
        object.__setattr__(self, "stop_token_ids", tuple(self.stop_token_ids or ()) or None)
        object.__setattr__(self, "logit_bias", dict(self.logit_bias or {}) or None)
        object.__setattr__(self, "logits_processors", tuple(self.logits_processors or ()) or None)
        self._check_numbers()
        self._check_ends()

    def _check_numbers(self) -> None:
        for name in ("top_k", "max_new_tokens", "min_new_tokens", "seed"):
            given = getattr(self, name)
            _check(name, given, not isinstance(given, bool), "a whole number")
        _check("top_k", self.top_k, self.top_k >= -1, "-1 or 0 for all tokens, or more")
        _check("top_p", self.top_p, 0 < self.top_p <= 1, "above 0 and at most 1")
        _check("min_p", self.min_p, 0 <= self.min_p <= 1, "from 0 to 1")
        temperature = self.temperature
        _check("temperature", temperature, temperature >= 0 and isfinite(temperature), "0 or more")
        for name in ("frequency_penalty", "presence_penalty"):
            _check(name, getattr(self, name), -2 <= getattr(self, name) <= 2, "from -2 to 2")
        penalty = self.repetition_penalty
        _check("repetition_penalty", penalty, penalty > 0 and isfinite(penalty), "above 0")
        if self.seed is not None:
            in_range = -(2**_SEED_BITS) <= self.seed < 2**_SEED_BITS
            _check("seed", self.seed, in_range, "a signed 64-bit integer")
        for token, bias in (self.logit_bias or {}).items():
            _check("logit_bias", token, token >= 0, "token ids of 0 or more")
            _check("logit_bias", bias, -100 <= bias <= 100, "biases from -100 to 100")

    def _check_ends(self) -> None:
        minimum, maximum = self.min_new_tokens, self.max_new_tokens
        _check("min_new_tokens", minimum, minimum >= 0, "0 or more")
        if maximum is not None:
            _check("max_new_tokens", maximum, maximum >= 1, "1 or more")
            allowed = f"at most max_new_tokens ({maximum})"
            _check("min_new_tokens", minimum, minimum <= maximum, allowed)
        for text in self.stop or ():
            _check("stop", text, text != "", "texts that are not empty")
        for token in self.stop_token_ids or ():
            _check("stop_token_ids", token, token >= 0, "token ids of 0 or more")

    @property
    def is_greedy(self) -> bool:
        """Whether the most likely token is always chosen."""
        return self.temperature == 0 or self.top_k == 1

    def with_seed(self) -> SamplingParams:
        """These parameters with a seed: the given one, or a fresh random one."""
        return self if self.seed is not None else replace(self, seed=randbits(_SEED_BITS))


def _least_top_k(given: int | None, temperature: float) -> int:
    """-1 for all tokens, 1 for the most likely one; a bool is refused later."""
    if given is None or (given == 0 and not isinstance(given, bool)):
        given = -1
    return 1 if temperature == 0 and given == -1 else given


def _is_none(value: object) -> bool:
    return value is None


def _check(name: str, given: object, is_allowed: bool, allowed: str) -> None:
    if not is_allowed:
        raise InputError(f"{name} is {given!r}; allowed is: {allowed}.", param=name)
