"""What there is to know of an endpoint, for routing it and for describing it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from max.serve.config import ApiType
from max.serve.schemas.validation import RequestModel


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A method of a path.

    Attributes:
        method: GET (which answers HEAD too) or POST.
        path: In Starlette's form: `{name}` stands for one segment, `{name:path}` for several.
        handler: Answers it.
        summary: One line for the document.
        requests: What the body may be, if there is one.
        answers: What the body may be when there is no error.
        statuses: The statuses that come with such a body.
        events: What the events of a stream may be, if there is one.
        errors: The statuses that come with an error's envelope.
        api: The interface that it belongs to; None is always there.
        is_open: Whether it needs no API key.
        is_for_admins: Whether, where there are API keys, it needs one of an admin's.
    """

    method: str
    path: str
    handler: Callable[[Request], Awaitable[Response]]
    summary: str
    requests: tuple[type[RequestModel], ...] = ()
    answers: tuple[type[msgspec.Struct], ...]
    statuses: tuple[int, ...] = (200,)
    events: tuple[type[msgspec.Struct], ...] = ()
    errors: frozenset[int] = frozenset()
    api: ApiType | None = None
    is_open: bool = False
    is_for_admins: bool = False

    @property
    def route(self) -> Route:
        """The endpoint as Starlette has it."""
        return Route(self.path, self.handler, methods=[self.method])
