from __future__ import annotations

import socket

import pytest

from gateway.cli.supervise import reserved

pytestmark = pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="workers need SO_REUSEPORT")


def test_an_address_on_which_connections_were_just_closed_can_be_had() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            listening.accept()[0].close()  # who closes first has it in TIME_WAIT
            assert client.recv(1) == b""
    with reserved("127.0.0.1", port) as place:
        assert place.getsockname()[1] == port


@pytest.mark.parametrize("shared", [False, True])
def test_an_address_on_which_somebody_listens_cannot(shared: bool) -> None:
    with (
        socket.create_server(("127.0.0.1", 0), reuse_port=shared) as listening,
        pytest.raises(OSError, match="in use"),
    ):
        reserved("127.0.0.1", listening.getsockname()[1])
