"""Requests on their way to the scheduler: suspects one at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from max.pipelines.context import TextContext
from max.serve.messages import Submit


class Trial(NamedTuple):
    """A request that was at work when something failed, until it has got past that.

    Attributes:
        context: The request.
        failed_length: How many tokens it had then.
    """

    context: TextContext
    failed_length: int

    @property
    def is_over(self) -> bool:
        """Whether it got past that, or has ended.

        What failed may have been the choice of the step after, when it had a token more.
        """
        return self.context.is_done or len(self.context.tokens) > self.failed_length + 1

    @property
    def lengths(self) -> dict[str, int]:
        """How many tokens it has."""
        return {str(self.context.request_id): len(self.context.tokens)}


class Arrivals:
    """Lets requests in as they came, but nobody while a suspect is on trial.

    So what fails then, be it its step, which it has for itself, or the choice of a step, is known
    to be its doing: with those that the scheduler had before, nothing failed.

    Attributes:
        trial: The suspect that was let in last and has not got past its failure.
    """

    def __init__(self) -> None:
        self.trial: Trial | None = None
        self._waiting: deque[Submit] = deque()
        self._gone: set[str] = set()

    def add(self, submit: Submit) -> None:
        """Takes a request, and its siblings; maybe again, after it was given up."""
        self._waiting.append(submit)
        self._gone.difference_update((submit.request_id, *submit.siblings))

    def let_in(self) -> Iterator[Submit]:
        """Those whose turn it is; whoever takes a suspect sets `trial` before asking for more."""
        if self.trial is not None and self.trial.is_over:
            self.trial = None
        while self._waiting and self.trial is None:
            yield self._waiting.popleft()
        if not self._waiting:
            self._gone.clear()

    def forget(self, request_id: str) -> None:
        """A request is gone, maybe before it was let in."""
        if self.trial is not None and self.trial.context.request_id == request_id:
            self.trial = None
        if self._waiting:
            self._gone.add(request_id)

    def is_wanted(self, request_id: str) -> bool:
        """Whether a request that is let in is not gone by now."""
        return request_id not in self._gone
