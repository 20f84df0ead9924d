"""Memory that is taken ahead."""

import time
from collections.abc import Callable

from max.driver.host_reserve import (
    HUGE_PAGE,
    HostReserve,
    end_reserve,
    reserve_memory,
    reserved_bytes,
    take_reserved,
)


def wait_until(condition: Callable[[], bool]) -> None:
    """Fails when it takes longer than any machine needs."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_parts_are_apart_zero_and_aligned() -> None:
    reserve = HostReserve(3 * HUGE_PAGE)
    first, second = reserve.take(100), reserve.take(HUGE_PAGE)
    assert first is not None and second is not None
    assert bytes(first) == bytes(100) and second.nbytes == HUGE_PAGE
    first[:] = b"x" * 100
    assert bytes(second[:200]) == bytes(200)
    reserve.close()
    assert bytes(first) == b"x" * 100  # what was taken stays


def test_more_than_is_left_is_not_given() -> None:
    reserve = HostReserve(HUGE_PAGE)
    assert reserve.take(HUGE_PAGE + 1) is None
    assert reserve.take(HUGE_PAGE) is not None
    assert reserve.take(1) is None
    reserve.close()


def test_memory_is_there_before_it_is_asked_for() -> None:
    reserve = HostReserve(5 * HUGE_PAGE)
    wait_until(lambda: reserve.resident_bytes == 5 * HUGE_PAGE)
    reserve.close()


def test_room_that_is_not_taken_ahead() -> None:
    reserve = HostReserve(4 * HUGE_PAGE, ahead=HUGE_PAGE)
    wait_until(lambda: reserve.resident_bytes == HUGE_PAGE)
    part = reserve.take(3 * HUGE_PAGE)
    assert part is not None and part[-1] == 0
    assert reserve.resident_bytes == HUGE_PAGE
    reserve.close()


def test_nothing_overwrites_what_was_taken() -> None:
    # Parts beyond what the thread has written end its work; else it would clear them later.
    reserve = HostReserve(64 * HUGE_PAGE)
    parts = [reserve.take(16 * HUGE_PAGE) for _ in range(4)]
    for i, part in enumerate(parts):
        assert part is not None
        part[:] = bytes([i + 1]) * len(part)
    reserve.close()
    assert all(part is not None and part[0] == part[-1] == i + 1 for i, part in enumerate(parts))


def test_the_process_has_one_at_a_time() -> None:
    reserve_memory(HUGE_PAGE)
    try:
        reserve_memory(8 * HUGE_PAGE)
        assert take_reserved(2 * HUGE_PAGE) is None
        assert take_reserved(HUGE_PAGE) is not None
    finally:
        end_reserve()
    assert take_reserved(1) is None and reserved_bytes() == 0


def test_none_is_made_for_nothing() -> None:
    reserve_memory(0)
    assert take_reserved(1) is None
