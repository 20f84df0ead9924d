"""Tests of `max.serve.listening`."""

from __future__ import annotations

import socket

import pytest

from max.serve.listening import ListenError, open_socket, url_of


def test_free_port_is_chosen_and_connections_are_taken() -> None:
    with open_socket("127.0.0.1", 0) as listener:
        address = listener.getsockname()

        with socket.create_connection(address, timeout=5) as connection:
            assert connection.getpeername() == address


def test_port_in_use_names_the_flag() -> None:
    with open_socket("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]

        with pytest.raises(ListenError, match=rf"127.0.0.1:{port}: .* in use.*--port"):
            open_socket("127.0.0.1", port)


def test_address_of_another_machine_names_the_flag() -> None:
    # 192.0.2.0/24 is reserved for documentation (RFC 5737), so no machine has it.
    with pytest.raises(ListenError, match=r"does not have that address.*--host"):
        open_socket("192.0.2.1", 0)


def test_a_host_that_is_no_address_names_the_flag() -> None:
    with pytest.raises(ListenError, match=r"'256\.1\.1\.1'.*--host"):
        open_socket("256.1.1.1", 0)


def test_url_names_host_and_port() -> None:
    with open_socket("127.0.0.1", 0) as listener:
        assert url_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_other_ports_have_other_flags() -> None:
    with open_socket("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]

        with pytest.raises(ListenError, match="--metrics-endpoint-port"):
            open_socket("127.0.0.1", port, flag="--metrics-endpoint-port")
