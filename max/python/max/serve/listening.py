"""The listening socket, opened before the model is loaded so that a taken port is known early."""

from __future__ import annotations

import errno
import ipaddress
import socket

BACKLOG = 2048


class ListenError(OSError):
    """The server cannot listen on the address it was given."""


def open_socket(host: str, port: int, *, flag: str = "--port") -> socket.socket:
    """Binds and listens.

    Args:
        host: Name or address, IPv4 or IPv6.
        port: TCP port; 0 lets the system choose.
        flag: The option that chooses the port, for messages.

    Raises:
        ListenError: The port is taken or not allowed, or the host is not ours.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise ListenError(
            f"cannot listen on host {host!r}: {error.strerror}. Give an address of this machine"
            " with --host, for example 0.0.0.0 or 127.0.0.1"
        ) from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ListenError(_explain(error, host, port, flag)) from error
    listener.setblocking(False)
    return listener


def is_loopback(host: str) -> bool:
    """Whether nobody outside of this machine can reach a host, as far as its name tells."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def url_of(listener: socket.socket) -> str:
    """The address of a listening socket as `http://HOST:PORT`."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _explain(error: OSError, host: str, port: int, flag: str) -> str:
    where = f"cannot listen on {host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"{where}: the port is already in use, probably by another server."
            f" Stop that one or choose a free port with {flag} (0 picks one)"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{where}: permission denied. Ports below 1024 need privileges; choose with {flag}"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: this machine does not have that address. Choose with --host"
    return f"{where}: {error.strerror}"
