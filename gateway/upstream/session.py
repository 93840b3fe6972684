"""The one ``ClientSession`` of the process, and the trust that its connections rest on."""

from __future__ import annotations

import ssl
from typing import Any, Final

import aiohttp

_MOST_HEADS: Final = 10  # a server sends one or two: 100, 102 or 103, then the answer


class ConnectionBroken(aiohttp.ClientConnectionError):
    """The connection broke after the request was begun; whether it was taken is not known."""


class _Response(aiohttp.ClientResponse):
    """An answer whose interim ones (RFC 9110, section 15.2) are few.

    aiohttp reads on for as long as they come; of those that are there already it gives up nothing in between,
    so that an endless row of them would be all that this process does.
    """

    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        """As aiohttp's own. Raises ClientResponseError at one too many."""
        protocol = connection.protocol
        read, heads = protocol.read, 0

        async def counted() -> Any:
            nonlocal heads
            heads += 1
            if heads > _MOST_HEADS:
                raise aiohttp.ClientResponseError(self.request_info, self.history, message="interim answers")
            return await read()

        protocol.read = counted
        try:
            return await super().start(connection)
        finally:
            del protocol.read


async def _no_hidden_repeat(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a GET by itself: attempts are counted and observed here, or nowhere."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionBroken from error


class SharedSession:
    """Opens the session when it is first called for, within the running loop, and closes it.

    Nothing of the environment is used (no proxy, no netrc) and cookies are dropped. Idle
    connections are given up after ``keepalive_seconds``, sooner than most servers do, so that a
    request is seldom sent on one that is already closed on the other side. How many there are at a time is
    bounded where requests are let in, for each upstream and for all (:mod:`gateway.upstream.places`): a
    bound here would be one line for everybody, in which those wait whose upstream answers for those whose
    does not.
    """

    def __init__(self, *, keepalive_seconds: float = 15.0) -> None:
        self._keepalive_seconds = keepalive_seconds
        self._session: aiohttp.ClientSession | None = None

    def __call__(self) -> aiohttp.ClientSession:
        """The open session. To be called with an event loop running."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=self._keepalive_seconds),
                cookie_jar=aiohttp.DummyCookieJar(),
                response_class=_Response,
                trust_env=False,
                middlewares=(_no_hidden_repeat,),
            )
        return self._session

    async def close(self) -> None:
        """Close all connections. Closing twice does nothing."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def tls_trust(ca_file: str | None) -> ssl.SSLContext | bool:
    """The ``ssl=`` argument for requests: verification is always on.

    ``ca_file`` adds to the authorities of the system, as the token endpoint may be on a host with a
    public certificate. Raises OSError or ssl.SSLError if it cannot be read or holds none.
    """
    if ca_file is None:
        return True
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=ca_file)
    return context
