"""Our own address as whoever asks us knows it, for the links of answers.

What proxies say of it (``X-Forwarded-Proto``, ``-Host``, ``-Port``, ``-Prefix``, ``Forwarded``) is taken from
those whose word on the way of a request is taken, see :mod:`gateway.web.forwarded`, and only as a scheme, a
host, a port or a path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from aiohttp import hdrs, web

from gateway.core.errors import InvalidMessage, Issue
from gateway.web.exchange import EXCHANGE
from gateway.web.forwarded import LONGEST, Origin, forwarded_elements
from gateway.web.framing import DEFAULT_PORTS, is_host

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

T = TypeVar("T")

_PROTO, _HOST = hdrs.X_FORWARDED_PROTO, hdrs.X_FORWARDED_HOST
_PORT, _PREFIX = "X-Forwarded-Port", "X-Forwarded-Prefix"
_WITH_PORT: Final = re.compile(r".*:[0-9]+", re.DOTALL)
_NUMBER: Final = re.compile(r"[0-9]{1,5}")
_PATH: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)+/?")


@dataclass(frozen=True, slots=True)
class _Outside:
    """What is known of the address that was asked, beyond what the request itself says."""

    scheme: str | None = None
    host: str | None = None
    port: str | None = None
    prefix: str = ""


_NOTHING: Final = _Outside()


def base_url(request: web.Request, site: str, public_url: str | None) -> str:
    """The absolute URL of the site's FHIR endpoint, without a slash at its end.

    Made from ``public_url``, or else as the request was sent: links lead back the way it came. What the
    target says that stands in the request line is not believed. Raises InvalidMessage if Host is no plain
    host and port.
    """
    if public_url is None:
        outside = _told(request[EXCHANGE].origin, request.headers)
        host = request.headers.get(hdrs.HOST, "") if outside.host is None else outside.host
        if not is_host(host):  # that there is one at most, `framing` has seen to
            text = "The header Host must be there once, as host or host:port."
            raise InvalidMessage(Issue("structure", "", text))
        scheme = outside.scheme or _scheme(request)
        if outside.port is not None and _WITH_PORT.fullmatch(host.rpartition("]")[2]) is None:
            host = f"{host}:{outside.port}"
        public_url = f"{scheme}://{host.removesuffix(DEFAULT_PORTS[scheme])}{outside.prefix}"
    return f"{public_url.rstrip('/')}/fhir/{site}"


def _scheme(request: web.Request) -> str:
    """How the connection itself is: aiohttp would believe the target."""
    transport = request.transport
    return "http" if transport is None or transport.get_extra_info("sslcontext") is None else "https"


def _told(origin: Origin, headers: CIMultiDictProxy[str]) -> _Outside:
    """What the proxies say that are trusted; nothing where two kinds of headers contradict each other.

    A proxy writes one kind and hands the other on as the caller sent it, and which is which we cannot know.
    """
    if not origin.believed:
        return _NOTHING
    if not origin.hops and hdrs.X_FORWARDED_FOR in headers and hdrs.FORWARDED in headers:
        return _NOTHING
    usual, rfc = _usual(origin.hops, headers), _rfc(origin.hops, headers)
    if rfc == _NOTHING or usual == _NOTHING:
        return usual if rfc == _NOTHING else rfc
    return usual if (usual.scheme, usual.host) == (rfc.scheme, rfc.host) else _NOTHING


def _usual(hops: int, headers: CIMultiDictProxy[str]) -> _Outside:
    def said(name: str) -> str:
        if name not in headers:
            return ""
        return _of_the_outermost([each.strip(" \t") for each in _whole(name, headers).split(",")], hops)

    port = said(_PORT)
    prefix = said(_PREFIX)
    return _Outside(
        _scheme_of(said(_PROTO)),
        _host_of(said(_HOST)),
        str(int(port)) if _NUMBER.fullmatch(port) and 0 < int(port) <= 65_535 else None,
        prefix.rstrip("/") if _PATH.fullmatch(prefix) else "",
    )


def _rfc(hops: int, headers: CIMultiDictProxy[str]) -> _Outside:
    elements = forwarded_elements(_whole(hdrs.FORWARDED, headers))
    if not elements:
        return _NOTHING
    element = _of_the_outermost(elements, hops)
    return _Outside(_scheme_of(element.get("proto", "")), _host_of(element.get("host", "")))


def _whole(name: str, headers: CIMultiDictProxy[str]) -> str:
    text = ", ".join(headers.getall(name, []))
    return text if len(text) <= LONGEST else ""


def _of_the_outermost(said: list[T], hops: int) -> T:
    """What the farthest proxy said whose word is taken: each adds its own at the end, or replaces all."""
    return said[max(0, len(said) - max(1, hops))]


def _scheme_of(text: str) -> str | None:
    return text.lower() if text.lower() in DEFAULT_PORTS else None


def _host_of(text: str) -> str | None:
    return text.lower() if is_host(text) else None
