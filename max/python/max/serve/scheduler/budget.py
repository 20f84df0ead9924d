"""How many tokens of each prompt a step computes."""

from __future__ import annotations

from collections.abc import Sequence


def deal(lacking: Sequence[int], tokens: int) -> list[int]:
    """Deals tokens to prompts so that none waits for ever and short ones wait shortly.

    The oldest gets half of the tokens, if it lacks so many. The others go to those that lack the
    fewest, of equal ones to the older. So equal prompts are computed one after the other, a short
    one behind a long one is done in a few steps, and the long one takes at most twice as long.

    Args:
        lacking: tokens that each prompt lacks, the oldest prompt's first.
        tokens: how many there are to deal.

    Returns:
        Tokens of each prompt; 0 where it has to wait.
    """
    shares = [0] * len(lacking)
    if lacking:
        shares[0] = min(lacking[0], -(-tokens // 2))
        tokens -= shares[0]
    for index in sorted(range(len(lacking)), key=lacking.__getitem__):
        more = min(lacking[index] - shares[index], tokens)
        shares[index] += more
        tokens -= more
    return shares


def deal_whole(lacking: Sequence[int], tokens: int, *, others: bool) -> list[int]:
    """Deals tokens to prompts that must be computed in one step each, in order.

    The first one that does not fit waits, and all behind it: it comes as soon as there is room.
    One that lacks more than there can be runs when nobody else is in the step.

    Args:
        lacking: tokens that each prompt lacks, the oldest prompt's first.
        tokens: how many there are to deal.
        others: whether the step computes anything else.

    Returns:
        Tokens of each prompt: all that it lacks, or 0.
    """
    shares = [0] * len(lacking)
    for index, wanted in enumerate(lacking):
        if wanted > tokens and (others or index):
            break
        shares[index] = wanted
        tokens -= wanted
    return shares
