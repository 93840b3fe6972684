"""What all ways of being known to a token endpoint have in common."""

from __future__ import annotations

from typing import Protocol

from gateway.upstream.exchange import Request
from gateway.upstream.token_answer import Grant


class Credentials(Protocol):
    """How a token is asked for and how the answer is read. Both are pure; ``now`` is epoch seconds."""

    def request(self, *, now: float) -> Request:
        """The request to the token endpoint. Raises TokenError if it is not known where that is."""

    def grant(self, body: bytes, *, now: float) -> Grant:
        """Read a 2xx answer. Raises TokenError if there is no usable token in it."""
