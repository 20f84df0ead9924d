"""ZMQ channels between the two processes: one ipc socket for each direction.

    API process                          worker
    commands  PUSH (connect) --------->  PULL (bind)
    events    PULL (bind)    <---------  PUSH (connect)

The connecting side pushes and its queue is unbounded, so a send never blocks; what is in flight
is bounded by the requests that were admitted and their `max_length`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec
import zmq

from max.serve.endpoint_folder import Endpoints
from max.serve.messages import FromWorker, ToWorker

_READABLE = int(zmq.POLLIN)

SendT = TypeVar("SendT")
ReceiveT = TypeVar("ReceiveT")


class Channel(Generic[SendT, ReceiveT]):
    """Typed messages out and in. Not for use from several threads."""

    def __init__(
        self, send: zmq.Socket[bytes], receive: zmq.Socket[bytes], receive_type: object
    ) -> None:
        self._send = send
        self._receive = receive
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder: msgspec.msgpack.Decoder[ReceiveT] = msgspec.msgpack.Decoder(receive_type)

    def send(self, message: SendT) -> None:
        self._send.send(self._encoder.encode(message), copy=True)

    def receive(self) -> ReceiveT:
        """Waits for a message without using the CPU."""
        return self._decoder.decode(self._receive.recv())

    def drain(self) -> Iterator[ReceiveT]:
        """The messages that are there now."""
        # `recv` would tell by an exception, which takes several times as long; a step asks once.
        while int(self._receive.getsockopt(zmq.EVENTS)) & _READABLE:
            yield self._decoder.decode(self._receive.recv())

    @property
    def fd(self) -> int:
        """A file descriptor that becomes readable when messages may have come.

        It is edge-triggered: after each wake-up, `drain` to the end.
        """
        return int(self._receive.getsockopt(zmq.FD))

    def close(self, *, flush_ms: int = 0) -> None:
        """Closes both sockets; unsent messages get `flush_ms` milliseconds."""
        self._send.close(linger=flush_ms)
        self._receive.close(linger=0)


def api_channel(
    context: zmq.Context[zmq.Socket[bytes]], endpoints: Endpoints
) -> Channel[ToWorker, FromWorker]:
    """The API process's end."""
    receive = _socket(context, zmq.PULL)
    receive.bind(endpoints.events)
    send = _socket(context, zmq.PUSH)
    send.connect(endpoints.commands)
    return Channel(send, receive, FromWorker)


def worker_channel(
    context: zmq.Context[zmq.Socket[bytes]], endpoints: Endpoints
) -> Channel[FromWorker, ToWorker]:
    """The worker's end."""
    receive = _socket(context, zmq.PULL)
    receive.bind(endpoints.commands)
    send = _socket(context, zmq.PUSH)
    send.connect(endpoints.events)
    return Channel(send, receive, ToWorker)


def send_once(
    context: zmq.Context[zmq.Socket[bytes]], endpoints: Endpoints, message: FromWorker
) -> None:
    """Sends an event of the worker from another thread than the one that has the channel."""
    socket = _socket(context, zmq.PUSH)
    socket.connect(endpoints.events)
    socket.send(msgspec.msgpack.encode(message))
    socket.close(linger=-1)


def _socket(context: zmq.Context[zmq.Socket[bytes]], kind: int) -> zmq.Socket[bytes]:
    socket = context.socket(kind)
    socket.setsockopt(zmq.SNDHWM, 0)
    socket.setsockopt(zmq.RCVHWM, 0)
    return socket
