"""Checks that the page bookkeeping adds up, and shows both sides of what does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

from max.pipelines.kv_cache.block_pool import BlockPool
from max.pipelines.kv_cache.errors import KVCacheIntegrityError


class Holding(Protocol):
    """What a request holds: its pages in token order; the first `num_full` are never written.

    `coming_keys` are of the pages behind those which it has said it will fill.
    """

    @property
    def pages(self) -> list[int]: ...

    @property
    def num_full(self) -> int: ...

    @property
    def coming_keys(self) -> Collection[bytes]: ...


def check_integrity(
    pool: BlockPool, holdings: Mapping[str, Holding], coming: Counter[bytes]
) -> None:
    """Compares the books with what the requests hold.

    Args:
        pool: the pages.
        holdings: of each request.
        coming: how many requests have announced each page.

    Raises:
        KVCacheIntegrityError: naming every broken equation with both of its sides.
    """
    broken = [*_broken_totals(pool, holdings), *_broken_requests(pool, holdings)]
    announced = Counter(key for holding in holdings.values() for key in holding.coming_keys)
    if coming != announced:
        broken.append(
            f"announced pages == pages that requests announced: {coming.total()} of "
            f"{len(coming)} != {announced.total()} of {len(announced)}"
        )
    if broken:
        raise KVCacheIntegrityError("the KV cache's books do not add up:\n  " + "\n  ".join(broken))


def _count_holders(holdings: Mapping[str, Holding]) -> Counter[int]:
    return Counter(page for holding in holdings.values() for page in holding.pages)


def _broken_totals(pool: BlockPool, holdings: Mapping[str, Holding]) -> Iterator[str]:
    holders = _count_holders(holdings)
    free = pool.free_pages()
    if len(free) + len(holders) != pool.total_pages:
        yield (
            f"free + held == total: {len(free)} + {len(holders)} = {len(free) + len(holders)} "
            f"!= {pool.total_pages}"
        )
    for page, count in enumerate(pool.ref_counts()):
        if count != holders[page]:
            owners = [request for request, holding in holdings.items() if page in holding.pages]
            yield f"ref_count[{page}] == holders: {count} != {holders[page]}, held by {owners}"
    for page in free:
        if holders[page]:
            yield f"holders of free page {page} == 0: {holders[page]} != 0"
    for page, found in pool.index.pages().items():
        if page != found:
            yield f"index[key of page {page}] == {page}: {found} != {page}"


def _broken_requests(pool: BlockPool, holdings: Mapping[str, Holding]) -> Iterator[str]:
    holders = _count_holders(holdings)
    for request, holding in holdings.items():
        distinct = len(set(holding.pages))
        if distinct != len(holding.pages):
            yield f"distinct pages of '{request}' == pages: {distinct} != {len(holding.pages)}"
        if holding.num_full > len(holding.pages):
            yield f"full pages of '{request}' <= pages: {holding.num_full} > {len(holding.pages)}"
        for page in holding.pages[holding.num_full :]:
            if holders[page] != 1:
                yield f"holders of page {page} that '{request}' writes == 1: {holders[page]} != 1"
            if pool.index.holds(page):
                yield f"page {page} that '{request}' writes is in the prefix index: yes != no"
