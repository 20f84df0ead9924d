"""The sampler: from a step's logits to each request's next token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from max import kernels
from max.driver import Buffer
from max.driver.buffer import moved
from max.kernels.registry import make_cpu_kernels
from max.pipelines.context import ProcessorInputs, SamplingParams, TextContext
from max.pipelines.modeling.request_id import RequestID
from max.pipelines.sampling.chosen import Chosen, KnownTokens, TokensOnDevice, check_best
from max.pipelines.sampling.counter_rng import uniform
from max.pipelines.sampling.edits_on_device import LogitEdits
from max.pipelines.sampling.grammars.compiled import Grammars
from max.pipelines.sampling.grammars.masks import mask_logits
from max.pipelines.sampling.penalties import edit_logits, edits_logits
from max.pipelines.sampling.token_counts import TokenCounts


def make_sampling_kernels() -> None:
    """Builds and loads what a sampler on the host calls, or the first answer would wait for it."""
    make_cpu_kernels([torch.ops.max.choose_tokens.default])


class SamplingBatch(NamedTuple):
    """What is known before a step about how its tokens will be chosen.

    Attributes:
        contexts: The requests.
        edited: The rows whose logits are changed first; on the host that reads their tokens.
        edits: How, on an accelerator; None on the host, and where nothing is changed.
        constrained: The rows whose answers follow a grammar; that reads them too.
        sampled: The rows that are not greedy.
        uniforms: A random number for each of these.
    """

    contexts: Sequence[TextContext]
    edited: list[int]
    edits: LogitEdits | None
    constrained: list[int]
    sampled: list[int]
    uniforms: list[float]

    @property
    def is_plain(self) -> bool:
        """Whether the best tokens are taken, now and in later steps of the same requests."""
        return not (self.edited or self.constrained or self.sampled)

    @property
    def needs_tokens(self) -> bool:
        """Whether a choice depends on all tokens before it, the last step's included."""
        if self.constrained or (self.edited and self.edits is None):
            return True
        return any(self.contexts[row].sampling_params.logits_processors for row in self.edited)


class Sampler:
    """Chooses the next token of every request of a batch.

    It keeps no state but counts of tokens, and a request's token does not depend on the rest of the
    batch: the random number is a function of the request's seed and the token's position, so that a
    request that is run again from its tokens so far goes on as before.

    Args:
        grammars: Of the model; without them no request may have a constraint.
        on_device: Whether the logits are on an accelerator: then the host waits for nothing.
    """

    def __init__(self, grammars: Grammars | None = None, on_device: bool = False) -> None:
        self.grammars = grammars
        self._counts = TokenCounts() if on_device else None

    def prepare(
        self, contexts: Sequence[TextContext], late: Mapping[RequestID, int] | None = None
    ) -> SamplingBatch:
        """Reads off the requests, as they are before their step, what does not need its logits.

        Args:
            contexts: The requests.
            late: For those whose last token is pending, which of the step before it is.

        Raises:
            ValueError: If a request has no seed but is to be sampled.
        """
        constrained = [row for row, context in enumerate(contexts) if context.constraint]
        sampled = [row for row, context in enumerate(contexts) if not _is_greedy(context)]
        edited = [row for row, context in enumerate(contexts) if edits_logits(context)]
        edits = None
        if edited and self._counts is not None:
            edits = LogitEdits.of(contexts, edited, self._counts, late or {})
        return SamplingBatch(
            contexts,
            edited,
            edits,
            constrained,
            sampled,
            [_uniform(contexts[row]) for row in sampled],
        )

    def sample(self, logits: torch.Tensor, batch: SamplingBatch) -> list[int]:
        """`choose`, and waits for the tokens."""
        return self.choose(logits, batch).known()

    def choose(
        self, logits: torch.Tensor, batch: SamplingBatch, late: torch.Tensor | None = None
    ) -> Chosen:
        """Chooses one token per request.

        A request's logits go through, in this order: logit bias, penalties, no end before
        `min_new_tokens`, logits processors, constraint, temperature, top_k, top_p, min_p.

        Args:
            logits: `[num_requests, vocab_size]` of a floating dtype; not changed.
            batch: Of the requests, in the order of the rows, which are not changed.
            late: The tokens of the step before, int64, where some of them are pending.

        Returns:
            The tokens, in the order of the requests. On an accelerator nothing waits for them.

        Raises:
            ValueError: If the shapes do not match, or, on the host, if the logits of a request
                contain NaN or leave it no token.
        """
        contexts = batch.contexts
        if logits.ndim != 2 or logits.shape[0] != len(contexts):
            raise ValueError(
                f"Logits have shape {list(logits.shape)}; allowed is "
                f"[{len(contexts)}, vocab_size], one row per request."
            )
        if not contexts:
            return KnownTokens([])
        if batch.edits is not None and self._counts is not None:
            logits = batch.edits.apply(logits, self._counts, late)
        elif batch.edited:
            logits = _edited(logits, contexts, batch.edited)
        _process(logits, contexts, batch.edited)
        logits = self._constrained(logits, contexts, batch.constrained)
        if self._counts is None:
            return _chosen_on_host(logits, batch)
        return _chosen_on_device(logits, batch)

    def begin(self, context: TextContext) -> None:
        """Begins to compile the grammar of a request, which a step is run for soon."""
        self._grammars_for(context).follow(context)

    def _constrained(
        self, logits: torch.Tensor, contexts: Sequence[TextContext], rows: Sequence[int]
    ) -> torch.Tensor:
        """The logits with what the constraints forbid at -inf: the given tensor if there are none.

        On an accelerator the masks are computed while the model runs.
        """
        masks = {}
        for row in rows:
            context = contexts[row]
            follower = self._grammars_for(context).follow(context)
            ends = context.eos_tracker.end_token_ids
            if (bits := follower.allowed(context.tokens.generated, ends)) is not None:
                masks[row] = bits
        return mask_logits(logits, masks) if masks else logits

    def _grammars_for(self, context: TextContext) -> Grammars:
        if self.grammars is None:
            raise ValueError(
                f"Request {context.request_id} has a constraint, and the pipeline was made without "
                "grammars."
            )
        return self.grammars


def _edited(
    logits: torch.Tensor, contexts: Sequence[TextContext], rows: Sequence[int]
) -> torch.Tensor:
    """The logits after bias and penalties, on the host; copied by this thread alone."""
    logits = torch.from_numpy(logits.float().numpy().copy())
    for row in rows:
        edit_logits(logits[row], contexts[row])
    return logits


def _process(logits: torch.Tensor, contexts: Sequence[TextContext], rows: Sequence[int]) -> None:
    """Lets the processors of some rows change them, in place."""
    for row in rows:
        for processor in contexts[row].sampling_params.logits_processors or ():
            # Each processor gets logits of its own, which it may keep.
            buffer = Buffer(logits[row : row + 1].clone())
            processor(ProcessorInputs(logits=buffer, context=contexts[row]))
            logits[row] = buffer.tensor[0]


def _chosen_on_host(logits: torch.Tensor, batch: SamplingBatch) -> KnownTokens:
    values = logits.float().numpy()
    tokens: list[int] = values.argmax(-1).tolist()  # A tenth of the time that torch takes.
    best = [float(row[token]) for row, token in zip(values, tokens, strict=True)]
    check_best(best, batch.contexts)
    rows = batch.sampled
    if rows:
        params = [batch.contexts[row].sampling_params for row in rows]
        index = rows if len(rows) < len(tokens) else slice(None)
        scaled = _scaled_on_host(values[index], [best[row] for row in rows], params)
        chosen: list[int] = _choose(scaled, params, batch.uniforms).tolist()
        for row, token in zip(rows, chosen, strict=True):
            tokens[row] = token
    return KnownTokens(tokens)


def _chosen_on_device(logits: torch.Tensor, batch: SamplingBatch) -> TokensOnDevice:
    """As on the host, but nothing waits: what is wrong with a row is told with its token."""
    best, tokens = logits.max(-1)
    rows = batch.sampled
    if rows:
        params = [batch.contexts[row].sampling_params for row in rows]
        index = moved(torch.tensor(rows), logits.device)
        scaled = _scaled(logits[index], best[index].float(), params)
        tokens = tokens.index_copy(0, index, _choose(scaled, params, batch.uniforms))
    return TokensOnDevice(batch.contexts, tokens, best)


def _is_greedy(context: TextContext) -> bool:
    return context.sampling_params.is_greedy


def _scaled(
    logits: torch.Tensor, best: torch.Tensor, params: Sequence[SamplingParams]
) -> torch.Tensor:
    """The logits below the best one, divided by the temperature; the best one is 0.

    So nothing overflows, however small the temperature, and a token forced by a logit of inf is
    certain.
    """
    temperatures = moved(torch.tensor([p.temperature for p in params]), logits.device)
    below_best = logits.float() - best.unsqueeze(-1)
    return below_best.div_(temperatures.unsqueeze(-1)).nan_to_num_(nan=0.0, neginf=-torch.inf)


def _scaled_on_host(
    logits: NDArray[np.float32], best: Sequence[float], params: Sequence[SamplingParams]
) -> torch.Tensor:
    """As `_scaled`, to the bit, by this thread alone.

    Torch would share it out to threads of its own, which go on spinning for milliseconds and take
    the cores from those of the kernels.
    """
    largest = np.array(best, np.float32)
    temperatures = np.array([p.temperature for p in params], np.float32)
    with np.errstate(all="ignore"):  # What becomes infinite or NaN is meant to.
        scaled = logits - largest[:, None]
        scaled /= temperatures[:, None]
    # Nothing else is NaN: inf - inf, and 0 / 0 where a temperature is next to nothing.
    for row in np.flatnonzero((largest == np.inf) | (temperatures == 0)):
        scaled[row, np.isnan(scaled[row])] = 0.0
    return torch.from_numpy(scaled)


def _choose(
    scaled: torch.Tensor, params: Sequence[SamplingParams], uniforms: Sequence[float]
) -> torch.Tensor:
    """Chooses for requests that are not greedy: int64 [requests]."""
    vocab_size = scaled.shape[-1]
    top_k = [p.top_k if 0 < p.top_k < vocab_size else vocab_size for p in params]
    settings = (
        torch.tensor(top_k),
        torch.tensor([p.top_p for p in params], dtype=torch.float64),
        torch.tensor([p.min_p for p in params], dtype=torch.float64),
        torch.tensor(uniforms, dtype=torch.float64),
    )
    settings_there = (moved(each, scaled.device) for each in settings)
    tokens: torch.Tensor = kernels.choose_tokens(scaled, *settings_there)
    return tokens


def _uniform(context: TextContext) -> float:
    seed = context.sampling_params.seed
    if seed is None:
        raise ValueError(
            f"Request {context.request_id} has no seed; contexts are made with "
            "SamplingParams.with_seed(), so that a replay gives the same tokens."
        )
    return uniform(seed, len(context.tokens))
