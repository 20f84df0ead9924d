"""Tests of `max.serve.transport`."""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import zmq

from max.pipelines.context import GenerationStatus
from max.serve.messages import Cancel, FromWorker, Loading, Stop, TokenDelta, Tokens, ToWorker
from max.serve.transport import Channel, EndpointFolder, api_channel, worker_channel

WAIT_S = 10.0


class Ends(NamedTuple):
    api: Channel[ToWorker, FromWorker]
    worker: Channel[FromWorker, ToWorker]


@contextmanager
def channels() -> Iterator[Ends]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    folder = EndpointFolder()
    api = api_channel(context, folder.endpoints)
    worker = worker_channel(context, folder.endpoints)
    try:
        yield Ends(api, worker)
    finally:
        api.close()
        worker.close()
        context.term()
        folder.close()


def test_messages_arrive_in_order_and_as_they_were() -> None:
    tokens = Tokens([TokenDelta("a", [1, 2], GenerationStatus.END_OF_SEQUENCE)])
    with channels() as ends:
        ends.api.send(Cancel(["a", "b"]))
        ends.api.send(Stop())
        ends.worker.send(tokens)

        assert ends.worker.receive() == Cancel(["a", "b"])
        assert ends.worker.receive() == Stop()
        assert ends.api.receive() == tokens


def test_commands_sent_before_the_worker_listens_are_kept() -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    folder = EndpointFolder()
    api = api_channel(context, folder.endpoints)
    api.send(Stop())
    worker = worker_channel(context, folder.endpoints)
    try:
        assert worker.receive() == Stop()
    finally:
        api.close()
        worker.close()
        context.term()
        folder.close()


def test_descriptor_wakes_for_events_and_drain_takes_them_all() -> None:
    with channels() as ends:
        assert list(ends.api.drain()) == []
        for phase in ("one", "two", "three"):
            ends.worker.send(Loading(phase))

        received: list[FromWorker] = []
        while len(received) < 3:
            readable, _, _ = select.select([ends.api.fd], [], [], WAIT_S)
            assert readable, f"only {received} came"
            received += ends.api.drain()

    assert received == [Loading("one"), Loading("two"), Loading("three")]


def test_folder_is_private_and_goes_away() -> None:
    folder = EndpointFolder()

    assert folder.path.stat().st_mode & 0o077 == 0
    folder.close()
    assert not folder.path.exists()


def test_long_temporary_folder_is_avoided(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # A unix socket's path has at most 107 bytes.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("x" * 100)))

    folder = EndpointFolder()
    try:
        assert len(folder.endpoints.commands.removeprefix("ipc://")) < 107
    finally:
        folder.close()


def test_folders_of_killed_servers_are_removed(tmp_path: Path) -> None:
    monkey = pytest.MonkeyPatch()
    monkey.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    try:
        killed, living = EndpointFolder(), EndpointFolder()
        killed._lock.close()  # As the system does when a process ends.
        other = tmp_path / "max-serve-of-somebody"
        other.mkdir()

        new = EndpointFolder()

        assert not killed.path.exists()
        assert living.path.exists() and new.path.exists() and other.exists()
        living.close()
        new.close()
        assert sorted(tmp_path.iterdir()) == [other]
    finally:
        monkey.undo()
