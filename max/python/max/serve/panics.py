"""Errors below Python's `Exception` that are errors all the same: panics of native libraries."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

# What ends a task or the process on purpose.
_ENDS = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit)


class NativePanic(RuntimeError):
    """A native library panicked; the cause says where."""


def as_error(raised: BaseException) -> Exception:
    """What was raised, as an error that can be handled.

    Rust's libraries raise `PanicException`, which is no `Exception`, so that nobody takes it for an
    expected one. For a server it ends one request like any other fault.

    Raises:
        BaseException: `raised`, if it is no error but the end of a task or of the process.
    """
    if isinstance(raised, Exception):
        return raised
    if isinstance(raised, _ENDS):
        raise raised
    panic = NativePanic(f"{type(raised).__name__}: {raised}")
    panic.__cause__ = raised
    return panic


def as_thread_error(raised: BaseException) -> Exception:
    """As `as_error`, in a thread: nothing that is raised there ends more than the thread."""
    if not isinstance(raised, _ENDS):
        return as_error(raised)
    call = "sys.exit" if isinstance(raised, SystemExit) else type(raised).__name__
    ended = RuntimeError(f"{call}({', '.join(map(repr, raised.args))}) ended a thread")
    ended.__cause__ = raised
    return ended


class AnswersPanics:
    """Lets a panic below it be answered as any unexpected error."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception:
            raise
        except BaseException as raised:
            raise as_error(raised) from raised
