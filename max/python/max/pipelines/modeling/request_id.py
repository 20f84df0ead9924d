"""The name of one request on its way through the house."""

from __future__ import annotations

from uuid import uuid4


class RequestID(str):
    """A request's unique name: `RequestID()` makes a fresh one, `RequestID(text)` the caller's.

    It compares, hashes and pickles as its text. Encoders that take exact strings only, such as
    msgspec's, are given `str(request_id)`.
    """

    __slots__ = ()

    def __new__(cls, value: str | None = None) -> RequestID:
        """Makes the identifier.

        Args:
            value: The identifier's text. Without one, 32 random hexadecimal digits (UUID 4).

        Raises:
            ValueError: If the text is empty.
        """
        if value is None:
            value = uuid4().hex
        if not value:
            raise ValueError("A request ID may not be empty; leave it out to get a fresh one.")
        return super().__new__(cls, value)

    def __repr__(self) -> str:
        """The identifier as a constructor call."""
        return f"RequestID({str(self)!r})"
