"""How a request is framed and addressed: what the parser lets through and this server does not answer.

A caller and a proxy in front of us must read the same bytes as the same request. Whatever the two could take
in two ways is refused, and the connection closed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from aiohttp import HttpVersion10, HttpVersion11, hdrs, web

from gateway.core.errors import InvalidMessage, Issue

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")
_ABSOLUTE: Final = re.compile(r"(https?)://([^/?#]+)(?:[/?].*)?", re.IGNORECASE | re.DOTALL)
DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


def refuse(request: web.Request) -> None:
    """Raise InvalidMessage for a request that is not framed or addressed in just one way."""
    fault = _fault(request)
    if fault is not None:
        raise InvalidMessage(Issue("structure", "", fault))


def _fault(request: web.Request) -> str | None:
    version = request.version
    if version != HttpVersion11 and version != HttpVersion10:
        return "Only HTTP/1.1 and HTTP/1.0 are spoken here."
    headers = request.headers
    if hdrs.TRANSFER_ENCODING in headers:
        # RFC 9112, 6.1 and 6.3: another coding than chunked, or any in HTTP/1.0, leaves the length in doubt.
        codings = headers.getall(hdrs.TRANSFER_ENCODING)
        if len(codings) != 1 or codings[0].strip().lower() != "chunked" or version == HttpVersion10:
            return "A body has a Content-Length or Transfer-Encoding: chunked, and no other coding."
    hosts = headers.getall(hdrs.HOST, [])
    if (len(hosts) != 1 and (hosts or version == HttpVersion11)) or not all(map(is_host, hosts)):
        return "The header Host must be there once, as host or host:port."
    if request.method == hdrs.METH_CONNECT:
        return "This is no proxy."
    target = request.raw_path
    if not target.isascii():
        return "The address holds signs that must be percent-encoded."
    if target.startswith("/"):
        return "The address holds a fragment." if "#" in target else None
    return None if target == "*" else _misdirected(target, hosts)


def _misdirected(target: str, hosts: list[str]) -> str | None:
    """RFC 9112, 3.2.2: an absolute target and Host name the same place. One that differs is no mistake."""
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None or "#" in target:
        return "The address must begin with a slash."
    scheme = absolute[1].lower()
    named = [each.lower().removesuffix(DEFAULT_PORTS[scheme]) for each in (absolute[2], *hosts)]
    return "The address names another host than the header Host." if len(set(named)) != 1 else None


@lru_cache(maxsize=256)
def is_host(text: str) -> bool:
    """Whether this may stand in a link: a name or an address, with or without a port."""
    found = _HOST.fullmatch(text)
    return found is not None and (found[1] is None or int(found[1]) <= 65_535)
