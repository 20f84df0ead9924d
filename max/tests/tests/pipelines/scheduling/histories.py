"""Random histories of a server: limits, arrivals, cancellations, steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import cycle

from hypothesis import strategies as st

from max.pipelines.scheduling import SchedulerConfig


@dataclass(frozen=True)
class Arrival:
    """A request.

    Attributes:
        prompt: its tokens.
        max_new_tokens: how many it may generate.
        salt: of its cached prefixes.
        seed: of its samples; None for greedy choice. A model that has no choice ignores it.
        client: who asks.
        weight: of that client.
    """

    prompt: tuple[int, ...]
    max_new_tokens: int
    salt: str | None = None
    seed: int | None = None
    client: str = ""
    weight: float = 1.0


@dataclass(frozen=True)
class Cancellation:
    """Cancels the request that arrived as that one (modulo the number of arrivals)."""

    index: int


@dataclass(frozen=True)
class Steps:
    """Lets the server run some steps."""

    count: int


@dataclass(frozen=True)
class ResetCache:
    """Forgets the cached prefixes."""


Event = Arrival | Cancellation | Steps | ResetCache


@dataclass(frozen=True)
class Setup:
    """A server's limits."""

    total_pages: int
    page_size: int
    caching: bool
    config: SchedulerConfig


@st.composite
def setups(draw: st.DrawFn, page_sizes: tuple[int, ...] = (1, 2, 3, 4, 5)) -> Setup:
    """Limits under which several requests run at once, often short of pages."""
    page_size = draw(st.sampled_from(page_sizes))
    capacity = draw(st.integers(16, 60))
    batch_size = draw(st.integers(1, 6))
    longest = draw(st.integers(16, 40))
    is_chunked = draw(st.booleans())
    config = SchedulerConfig(
        max_batch_size=batch_size,
        max_batch_input_tokens=draw(st.integers(batch_size, 40)),
        max_batch_total_tokens=draw(st.none() | st.integers(longest, 3 * longest)),
        max_seq_len=longest,
        enable_chunked_prefill=is_chunked,
        target_step_ms=draw(st.none() | st.integers(1, 1000)) if is_chunked else None,
        kvcache_ce_watermark=draw(st.sampled_from([1.0, 0.9, 0.5, 0.0])),
    )
    return Setup(capacity // page_size, page_size, draw(st.booleans()), config)


# Few distinct beginnings, so that prefixes are often shared, in part or wholly.
heads = st.sampled_from([[], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4, 5, 6, 9, 9]])
tails = st.lists(st.integers(1, 3), min_size=1, max_size=8)
prompts = st.builds(lambda head, tail: (*head, *tail), heads, tails)
salts = st.sampled_from([None, None, "x"])
seeds = st.none() | st.integers(0, 3)
arrivals = st.builds(Arrival, prompts, st.integers(1, 16), salts, seeds)
choices = st.builds(lambda arrival, n: n * [arrival], arrivals, st.integers(1, 3))
bursts = st.lists(choices, min_size=1, max_size=4).map(lambda lists: [a for n in lists for a in n])
others = st.lists(
    st.builds(Steps, st.integers(1, 8))
    | st.builds(Cancellation, st.integers(0, 20))
    | st.builds(ResetCache),
    max_size=4,
)
histories = st.lists(
    st.builds(lambda burst, then: [*burst, *then], bursts, others), min_size=2, max_size=6
).map(lambda parts: [event for part in parts for event in part])


def with_clients(history: list[Event], names: list[str]) -> list[Event]:
    """The same with arrivals of several clients, in turn; a name begins with the weight."""
    return [
        replace(event, client=name, weight=float(name[0])) if isinstance(event, Arrival) else event
        for event, name in zip(history, cycle(names), strict=False)
    ]


histories_of_clients = st.builds(
    with_clients, histories, st.lists(st.sampled_from(["1a", "1b", "4c"]), min_size=2, max_size=5)
)
