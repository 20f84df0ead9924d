"""Checks that the page bookkeeping adds up, and shows both sides of what does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from max.pipelines.kv_cache.block_pool import BlockPool
from max.pipelines.kv_cache.errors import KVCacheIntegrityError
from max.pipelines.kv_cache.request_pages import RequestPages

Holdings = Mapping[str, RequestPages]


def check_integrity(pool: BlockPool, holdings: Holdings, coming: Counter[bytes]) -> None:
    """Compares the books with what the requests hold.

    Args:
        pool: the pages.
        holdings: of each request.
        coming: how many requests have announced each page.

    Raises:
        KVCacheIntegrityError: naming every broken equation with both of its sides.
    """
    holders = Counter(page for held in holdings.values() for page in _pages(held))
    broken = [
        *_broken_totals(pool, holdings, holders),
        *_broken_index(pool),
        *_broken_requests(pool, holdings, holders),
    ]
    announced = Counter(key for held in holdings.values() for key in held.coming_keys)
    if coming != announced:
        broken.append(
            f"announced pages == pages that requests announced: {coming.total()} of "
            f"{len(coming)} != {announced.total()} of {len(announced)}"
        )
    if broken:
        raise KVCacheIntegrityError("the KV cache's books do not add up:\n  " + "\n  ".join(broken))


def _pages(held: RequestPages) -> list[int]:
    return [page for _, _, pages in held.held() for page in pages]


def _broken_totals(pool: BlockPool, holdings: Holdings, holders: Counter[int]) -> Iterator[str]:
    free = pool.free_pages()
    if len(free) + len(holders) != pool.total_pages:
        yield (
            f"free + held == total: {len(free)} + {len(holders)} = {len(free) + len(holders)} "
            f"!= {pool.total_pages}"
        )
    for page, count in enumerate(pool.ref_counts()):
        if count != holders[page]:
            owners = [request for request, held in holdings.items() if page in _pages(held)]
            yield f"ref_count[{page}] == holders: {count} != {holders[page]}, held by {owners}"
    for page in free:
        if holders[page]:
            yield f"holders of free page {page} == 0: {holders[page]} != 0"


def _broken_index(pool: BlockPool) -> Iterator[str]:
    counts = pool.ref_counts()
    for page, column in pool.index.columns().items():
        if page not in column:
            yield f"page {page} is among the pages of its own key: {column}"
        if len({counts[beside] for beside in column}) != 1:
            of_pages = [counts[beside] for beside in column]
            yield f"ref_counts of pages {column} of one key are equal: {of_pages}"


def _broken_requests(pool: BlockPool, holdings: Holdings, holders: Counter[int]) -> Iterator[str]:
    for request, held in holdings.items():
        pages = _pages(held)
        if len(set(pages)) != len(pages):
            yield f"distinct pages of '{request}' == pages: {len(set(pages))} != {len(pages)}"
        if held.num_pages != len(pages):
            yield f"num_pages of '{request}' == pages: {held.num_pages} != {len(pages)}"
        if held.num_full > held.num_covered:
            yield f"full pages of '{request}' <= pages: {held.num_full} > {held.num_covered}"
        for group, position, column in held.held():
            if not held.begins[group] <= position < held.ends[group]:
                yield (
                    f"positions of '{request}' in group {group} are of "
                    f"{held.begins[group]} .. {held.ends[group] - 1}: {position} is not"
                )
            for page in column if position >= held.num_full else ():
                writer = f"page {page} that '{request}' writes"
                if holders[page] != 1:
                    yield f"holders of {writer} == 1: {holders[page]} != 1"
                if pool.index.holds(page):
                    yield f"{writer} is in the prefix index: yes != no"
