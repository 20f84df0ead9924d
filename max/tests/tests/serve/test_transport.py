"""Tests of `max.serve.transport`."""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import zmq

from max.pipelines.context import GenerationStatus
from max.serve.endpoint_folder import EndpointFolder
from max.serve.messages import Cancel, FromWorker, Loading, Stop, TokenDelta, Tokens, ToWorker
from max.serve.transport import Channel, api_channel, worker_channel

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
