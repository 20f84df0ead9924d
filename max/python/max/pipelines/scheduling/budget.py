"""How many tokens of each request a step computes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate


def split(lacking: Sequence[int], tokens: int, used: Sequence[float] = ()) -> list[int]:
    """Splits a step's tokens so that streams never stop and prompts wait for each other fairly.

    Everybody who lacks one token gets it. Of the rest the oldest prompt gets half, if it lacks so
    many. What is left goes to the prompts of the client that has used least, there to those that
    lack the fewest, of equal ones to the older. So equal prompts are computed one after the other,
    a short one behind a long one is done in a few steps, and the long one takes at most twice as
    long.

    When the step completes a prompt and more than half of the tokens are split, no part of another
    one is added: those that are complete answer sooner, and half a step is nearly as efficient.

    Args:
        lacking: tokens that each request lacks, the oldest request's first.
        tokens: how many there are, at least one per request.
        used: what the client of each request has used for its weight; left out where all count
            the same.

    Returns:
        Tokens of each request; 0 where it has to wait.
    """
    shares = [int(wanted == 1) for wanted in lacking]
    prompts = [index for index, wanted in enumerate(lacking) if wanted > 1]
    left = tokens - sum(shares)
    for oldest in prompts[:1]:
        shares[oldest] = min(lacking[oldest], -(-left // 2))
        left -= shares[oldest]
    completes_one = False
    order = sorted(prompts, key=lacking.__getitem__)
    if used:
        order.sort(key=used.__getitem__)
    for index in order:
        missing = lacking[index] - shares[index]
        if missing > left and completes_one and left < tokens / 2:
            break
        completes_one = completes_one or missing <= left
        more = min(missing, left)
        shares[index] += more
        left -= more
    return shares


def split_whole(lacking: Sequence[int], tokens: int) -> list[int]:
    """Splits tokens among requests that must be computed in one step each, in order.

    The first one that does not fit waits, and all behind it: it comes as soon as there is room.
    One that lacks more than there can be comes when it is the oldest, and then alone.

    Args:
        lacking: tokens that each request lacks, the oldest request's first.
        tokens: how many there are.

    Returns:
        Tokens of each request: all that it lacks, or 0.
    """
    shares = []
    for index, total in enumerate(accumulate(lacking)):
        is_computed = total <= tokens or index == 0
        shares.append(lacking[index] if is_computed else 0)
    return shares
