"""The progress bar."""

from __future__ import annotations

import asyncio

import pytest

from max.benchmark import progress as progress_module
from max.benchmark.client.client import Client, Server
from max.benchmark.client.exchange import Exchange, Failure
from max.benchmark.progress import Progress


def test_live_counters(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "_REFRESH_S", 0.01)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    client = Client(Server("127.0.0.1", 1))
    client.in_flight.append(Exchange(sent=0.0, pieces=[b""] * 3))

    async def run() -> None:
        async with Progress(client, 5, shown=True) as progress:
            progress.ended(Exchange(sent=0.0, status=200))
            progress.ended(Exchange(sent=0.0, failure=Failure("timeout", "")))
            while "running" not in capsys_text():
                await asyncio.sleep(0.01)

    seen: list[str] = []

    def capsys_text() -> str:
        seen.append(capsys.readouterr().err)
        return "".join(seen)

    asyncio.run(run())
    assert "2/5" in capsys_text()
    assert "running=1 failed=1 chunks/s=" in "".join(seen)


def test_nothing_is_shown_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    async def run() -> None:
        async with Progress(Client(Server("127.0.0.1", 1)), 5, shown=True) as progress:
            progress.ended(Exchange(sent=0.0, status=200))

    asyncio.run(run())
    assert capsys.readouterr().err == ""
