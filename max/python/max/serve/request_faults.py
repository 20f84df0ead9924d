"""Which request it was that brought the worker down."""

from __future__ import annotations

from dataclasses import dataclass

# A request that brings the worker down this often is given up.
MAX_FAULTS = 2
# Workers that may die between two steps before a request gains a token.
MAX_UNEXPLAINED = 3


@dataclass(slots=True)
class RequestFaults:
    """What speaks against one request.

    After a step that failed, every request of it is a suspect and is run again in steps of its own
    until it is past that one. So the step that fails again holds the culprit alone, and a request
    that merely shared a step with it is never given up.

    | the step that failed | the worker died of itself, or it raised | the worker was killed   |
    |----------------------|-----------------------------------------|-------------------------|
    | was its own          | a fault                                 | a fault, until cleared  |
    | was shared           | a fault, until cleared                  | nothing: who knows why  |

    A request is cleared when it gets past the step that failed.

    A worker that dies of itself between two steps, while it schedules for instance, speaks against
    every request that it had: those that see `MAX_UNEXPLAINED` such deaths in a row without
    gaining a token are given up, or they would be replayed to one worker after the other for ever.

    "Killed" is SIGKILL, which comes from outside: from a person, or from the system when memory
    runs out.
    """

    proven: int = 0
    suspected: int = 0
    unexplained: int = 0

    def add(self, *, alone: bool, killed: bool) -> bool:
        """Counts a failed step with this request.

        Args:
            alone: No other request was in the step.
            killed: The worker was ended by SIGKILL.

        Returns:
            Whether the request is to be given up.
        """
        if alone and not killed:
            self.proven += 1
        elif alone or not killed:
            self.suspected += 1
        return alone and self.proven + self.suspected >= MAX_FAULTS

    def add_unexplained(self) -> bool:
        """Counts a worker that died between two steps; whether the request is to be given up."""
        self.unexplained += 1
        return self.unexplained >= MAX_UNEXPLAINED

    def clear(self) -> None:
        """The request got past the step that failed."""
        self.suspected = 0
