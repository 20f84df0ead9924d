"""The choices of one HTTP request while they run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from max.serve.mailbox import ChoiceDelta, Mailbox


class Generation:
    """Choices that the engine was given. Whoever holds it calls `close`.

    Args:
        cancel: Ends requests; those that are done are left out.
        mailbox: Where their tokens come.
        request_ids: The choices, by position.
        deadline: What ends them when their time is over.
    """

    def __init__(
        self,
        cancel: Callable[[Sequence[str]], None],
        mailbox: Mailbox,
        request_ids: Sequence[str],
        deadline: asyncio.TimerHandle | None = None,
    ) -> None:
        self._cancel = cancel
        self._mailbox = mailbox
        self._request_ids = request_ids
        self._deadline = deadline

    async def take(self) -> list[ChoiceDelta]:
        """Waits for tokens; see `Mailbox.take`."""
        return await self._mailbox.take()

    def cancel(self, index: int) -> None:
        """Ends one choice; nothing happens when it is done already."""
        self._cancel([self._request_ids[index]])

    def hold(self, size: int) -> None:
        """Whoever takes tokens keeps so many bytes of them until `close`; see `Mailbox.hold`."""
        self._mailbox.hold(size)

    def close(self) -> None:
        """Ends the choices that are not done."""
        self._mailbox.close()
        if self._deadline is not None:
            self._deadline.cancel()
        self._cancel(self._request_ids)
