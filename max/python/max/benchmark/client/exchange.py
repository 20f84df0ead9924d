"""One request and the pieces of its answer, as they come."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Failure:
    """Why a request failed.

    Attributes:
        kind: What failures are counted by, e.g. "HTTP 429".
        message: What the server or the operating system said.
    """

    kind: str
    message: str


@dataclass(slots=True)
class Exchange:
    """A request that has been sent and what has come back.

    Times are those of `time.perf_counter`, in seconds. Nothing is parsed here: a piece and the
    time of its read is all that is kept while requests run.

    Attributes:
        sent: When the request was written, before a connection was made if one had to be.
        ended: When the last byte had come, or the failure.
        status: The HTTP status; 0 before it is known.
        piece_times: When each piece came.
        pieces: Parts of the body, split wherever the network split them.
        failure: What went wrong below HTTP.
    """

    sent: float
    ended: float = 0.0
    status: int = 0
    piece_times: list[float] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    failure: Failure | None = None

    def body(self) -> bytes:
        """All that came."""
        return b"".join(self.pieces)
