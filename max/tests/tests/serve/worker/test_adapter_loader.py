"""Tests of `max.serve.worker.adapter_loader`; `test_adapter_lives.py` has it at work."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from max.serve.messages import Adapter, AdapterRefused, FromWorker
from max.serve.worker.adapter_loader import AdapterLoader

ADAPTER = Adapter("name", "/path", "digest")


class PanicException(BaseException):
    """As bindings of native libraries raise it."""


def loader_of(error: BaseException, send: Any) -> AdapterLoader:
    def load(*_: object) -> None:
        raise error

    return AdapterLoader(SimpleNamespace(load=load), send)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("no such layer"), "no such layer"),
        (RuntimeError("a bug"), "a bug"),
        (PanicException("out of bounds"), "PanicException: out of bounds"),
        (SystemExit(3), "sys.exit(3) ended a thread"),
    ],
)
def test_whatever_it_raises_is_told(error: BaseException, told: str) -> None:
    sent: list[FromWorker] = []
    loader = loader_of(error, sent.append)
    loader.load(ADAPTER)
    loader._thread.shutdown()
    assert sent == [AdapterRefused("digest", told)]


def test_what_cannot_be_told_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def send(message: FromWorker) -> None:
        raise OSError("the socket is gone")

    seen: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", seen.append)
    loader = loader_of(ValueError("no such layer"), send)
    loader.load(ADAPTER)
    loader._thread.shutdown()
    assert "the socket is gone" in str(seen[0].exc_value)
