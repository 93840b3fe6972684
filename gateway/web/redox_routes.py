"""The addresses that Redox knows: messages and the destination handshake."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec
from aiohttp import hdrs, web

from gateway.core.errors import GatewayError, InvalidMessage, Issue, TooLarge, Unauthorized
from gateway.core.values import BOM
from gateway.web.body import BodyLimits, expect_nothing_yet, read_body, refuse_too_long, require_json
from gateway.web.exchange import EXCHANGE, Exchange, Gateway, Surface

TOKEN_HEADER: Final = "verification-token"
_HANDSHAKE_BYTES: Final = 4096
_SITES_NAMED: Final = 3
_CHALLENGE: Final = re.compile(r"[\x20-\x7e]{1,512}")


class _HandshakeBody(msgspec.Struct, rename={"token": TOKEN_HEADER, "meta": "Meta"}):
    """The body of a verification POST. A message has ``Meta`` and no challenge."""

    challenge: str
    token: str | msgspec.UnsetType = msgspec.UNSET
    meta: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_handshake = msgspec.json.Decoder(_HandshakeBody)


class RedoxRoutes:
    """``POST`` and ``GET`` on ``/redox`` and ``/redox/{site}``.

    The token is the ``verification-token`` header. Where that is present it alone counts: with some
    destination settings Redox sends a token of another kind as ``Authorization: Bearer``. Where it is
    absent the bearer is taken. In a handshake the token may instead be in the body or the query.
    A token for another site and no token at all get the same answer, so that nobody learns which
    sites there are.
    """

    def __init__(self, gateway: Gateway, limits: BodyLimits | None = None) -> None:
        self._gateway = gateway
        self._limits = BodyLimits() if limits is None else limits
        self.surface = Surface("redox", "/redox", self._render)

    def add_to(self, app: web.Application) -> None:
        for path in ("/redox", "/redox/{site}"):
            resource = app.router.add_resource(path)
            resource.add_route("POST", self.post, expect_handler=expect_nothing_yet)
            resource.add_route("GET", self.get, expect_handler=expect_nothing_yet)

    async def post(self, request: web.Request) -> web.Response:
        exchange = request[EXCHANGE]
        require_json(request)
        refuse_too_long(request, self._limits.max_bytes)
        token = _header_token(request)
        if token is None:
            return await self._verify_by_body(request)
        allowed = self._let_in(request, [token])
        body = await read_body(request, self._limits)
        exchange.bytes_in = len(body)
        asked = _read_handshake(body)
        if asked is not None:
            self._let_in(request, [token, *_tokens_of(asked)])
            return _challenge_back(exchange, asked.challenge)
        reply = await self._gateway.redox(body, allowed=allowed, site=exchange.site, request=exchange)
        exchange.counts = reply.counts
        exchange.issues = reply.issues
        exchange.unchecked = reply.unchecked
        return web.Response(
            body=reply.body, status=reply.status, headers={hdrs.CONTENT_TYPE: reply.content_type}
        )

    async def get(self, request: web.Request) -> web.Response:
        token = _header_token(request)
        self._let_in(request, request.query.getall(TOKEN_HEADER, []) if token is None else [token])
        challenges = request.query.getall("challenge", [])
        if len(challenges) != 1:
            text = "GET is for the destination handshake: send exactly one challenge."
            raise InvalidMessage(Issue("required", "challenge", text))
        return _challenge_back(request[EXCHANGE], challenges[0])

    async def _verify_by_body(self, request: web.Request) -> web.Response:
        """A POST without a token in its headers is a handshake or nothing: a few KB are read to see."""
        exchange = request[EXCHANGE]
        try:
            body = await read_body(request, BodyLimits(_HANDSHAKE_BYTES, self._limits.seconds))
        except TooLarge:
            raise _unauthorized() from None
        exchange.bytes_in = len(body)
        asked = _read_handshake(body)
        if asked is None:
            raise _unauthorized()
        self._let_in(request, _tokens_of(asked))
        return _challenge_back(exchange, asked.challenge)

    def _let_in(self, request: web.Request, tokens: Sequence[str]) -> frozenset[str]:
        """The sites that every one of ``tokens`` opens. Raises Unauthorized if there are none."""
        opened: frozenset[str] | None = None
        for token in tokens:
            sites = self._gateway.opens(token) or frozenset()
            opened = sites if opened is None else opened & sites
        site = request.match_info.get("site")
        if not opened or (site is not None and site not in opened):
            raise _unauthorized()
        exchange = request[EXCHANGE]
        exchange.site = site
        exchange.client = _owner(opened)
        return opened

    def _render(self, error: GatewayError, exchange: Exchange) -> tuple[bytes, str]:
        return self._gateway.redox_error(error, exchange.body), "application/json"


def _owner(sites: frozenset[str]) -> str:
    """Whose token it was, for the log: nearly always one site's."""
    named = sorted(sites)
    return ",".join(named[:_SITES_NAMED]) + (",..." if len(named) > _SITES_NAMED else "")


def _header_token(request: web.Request) -> str | None:
    """The token of the headers; an empty one, which opens nothing, if it is given more than once."""
    given = request.headers.getall(TOKEN_HEADER, [])
    if given:
        return given[0] if len(given) == 1 else ""
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _read_handshake(body: bytes) -> _HandshakeBody | None:
    """The handshake, if the body has the shape of one. A message is told apart without decoding it."""
    if len(body) > _HANDSHAKE_BYTES or b'"challenge"' not in body:
        return None
    try:
        asked = _handshake.decode(body.removeprefix(BOM))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return asked if asked.meta is msgspec.UNSET else None


def _tokens_of(asked: _HandshakeBody) -> list[str]:
    return [asked.token] if isinstance(asked.token, str) else []


def _challenge_back(exchange: Exchange, challenge: str) -> web.Response:
    """The bare challenge as text: right for the current rule (anywhere in the body) and the old one."""
    exchange.event = "handshake"
    if not _CHALLENGE.fullmatch(challenge):
        raise InvalidMessage(
            Issue("value", "challenge", "A challenge is 1 to 512 printable ASCII characters.")
        )
    return web.Response(body=challenge.encode(), headers={hdrs.CONTENT_TYPE: "text/plain; charset=utf-8"})


def _unauthorized() -> Unauthorized:
    text = f"Send the verification token of this destination in the header {TOKEN_HEADER}."
    return Unauthorized(Issue("login", "", text))
