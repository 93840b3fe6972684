"""Free ports for a demonstration."""

from __future__ import annotations

import socket
from collections.abc import Collection

_TRIED = 200


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether one could listen there at this moment."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError:
            return False
    return True


def free_port(wanted: int, others: Collection[int] = ()) -> int:
    """``wanted``, or the next higher one that is free and none of ``others``; for 0 any.

    Raises OSError if there is none within the next 200.
    """
    if wanted == 0:
        with socket.socket() as trial:
            trial.bind(("127.0.0.1", 0))
            port: int = trial.getsockname()[1]
            return port
    for port in range(wanted, min(wanted + _TRIED, 65536)):
        if port not in others and is_free(port):
            return port
    raise OSError(None, f"no port from {wanted} to {min(wanted + _TRIED, 65536) - 1} is free")
