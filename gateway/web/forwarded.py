"""From where a request comes, when proxies stand between: whose word is taken, and for what.

This is the one place that decides whether what a request says of its way (``X-Forwarded-*``, ``Forwarded``)
is believed: only if whoever is connected to us is a proxy that the configuration trusts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

LOOPBACK: Final = ("127.0.0.0/8", "::1", "unix")
UNIX: Final = "unix"
"""In place of an address: whoever is connected by a Unix socket, which has none."""

LONGEST: Final = 4096  # of the headers together: a dozen proxies need less
_PEERS_KEPT: Final = 4096
_PORT: Final = re.compile(r"([0-9.]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PAIR: Final = re.compile(r'[ \t]*([A-Za-z]+)=(?:([^\s;,"]+)|"((?:[^"\\]|\\.)*)")[ \t]*(;|,|\Z)')


@dataclass(frozen=True, slots=True)
class Origin:
    """``peer`` is who is connected to us, ``address`` who asked: the peer, or whom the proxies name.

    Both are addresses in their usual spelling, or :data:`UNIX`; None: not known. ``believed``: the peer is a
    trusted proxy, so what its headers say of the request's way may be used. ``hops``: the words of how many
    proxies lead to the address.
    """

    peer: str | None = None
    address: str | None = None
    believed: bool = False
    hops: int = 0


UNKNOWN: Final = Origin()


class TrustedProxies:
    """The proxies whose word is taken, as addresses, networks (``10.0.0.0/8``) and :data:`UNIX`.

    Raises ValueError for what is none of these.
    """

    def __init__(self, names: Iterable[str] = LOOPBACK) -> None:
        given = tuple(names)
        self._unix = UNIX in given
        self._networks: Sequence[IPv4Network | IPv6Network] = [
            ip_network(each) for each in given if each != UNIX
        ]
        self._peers: dict[str, Origin] = {}  # what is known of each without looking at a header

    def origin(self, peer: str | None, headers: CIMultiDictProxy[str]) -> Origin:
        """``peer`` as the socket names it; empty for a Unix socket."""
        if peer is None:
            return UNKNOWN
        plain = self._peers.get(peer)
        if plain is None:
            plain = self._known(peer)
        if not plain.believed or (hdrs.X_FORWARDED_FOR not in headers and hdrs.FORWARDED not in headers):
            return plain
        return self._named(plain, headers)

    def _known(self, peer: str) -> Origin:
        address = UNIX if not peer else _address(peer.partition("%")[0])
        known = Origin(address, address, address is not None and self._trusts(address))
        if len(self._peers) >= _PEERS_KEPT:
            self._peers.clear()
        self._peers[peer] = known
        return known

    def _trusts(self, address: str) -> bool:
        if address == UNIX:
            return self._unix
        read = ip_address(address)
        return any(read in network for network in self._networks)

    def _named(self, plain: Origin, headers: CIMultiDictProxy[str]) -> Origin:
        """Back along the proxies, as long as they are trusted; what a caller wrote in front stays unread.

        A proxy writes one of the two headers and hands the other on as the caller sent it. So where they
        name two addresses neither is taken.
        """
        lists = [
            list(read(", ".join(headers.getall(name))))
            for name, read in ((hdrs.X_FORWARDED_FOR, _x_forwarded_for), (hdrs.FORWARDED, _forwarded))
            if name in headers
        ]
        found = [self._back(plain.address, hops) for hops in lists]
        address, hops = found[0]
        return plain if any(each != address for each, _ in found) else Origin(plain.peer, address, True, hops)

    def _back(self, begin: str | None, hops: Sequence[str]) -> tuple[str | None, int]:
        """``hops`` from the last one on, and how many of them. What is no address ends the way: that proxy
        is all we know."""
        at, passed = begin, 0
        for hop in hops:
            if at is None or not self._trusts(at):
                break
            before = _address(hop)
            if before is None:
                break
            at, passed = before, passed + 1
        return at, passed


def _x_forwarded_for(text: str) -> Iterator[str]:
    """The last one first; of a header that is too long only what is whole at its end."""
    hops = text[-LONGEST:].split(",")
    return (each.strip(" \t") for each in reversed(hops[len(text) > LONGEST :]))


def _forwarded(text: str) -> Iterator[str]:
    """RFC 7239: what ``for`` is in each element, the last first; empty where there is none."""
    return (each.get("for", "") for each in reversed(forwarded_elements(text)))


def forwarded_elements(text: str) -> list[dict[str, str]]:
    """RFC 7239: the pairs of each element, with small names; none of a header that is not well-formed."""
    elements: list[dict[str, str]] = []
    element: dict[str, str] = {}
    at = 0
    while at < len(text):
        pair = _PAIR.match(text, at) if len(text) <= LONGEST else None
        if pair is None:
            return []
        element[pair[1].lower()] = pair[2] if pair[2] is not None else re.sub(r"\\(.)", r"\1", pair[3])
        at = pair.end()
        if pair[4] != ";":
            elements.append(element)
            element = {}
    return elements


def _address(text: str) -> str | None:
    """The usual spelling of an address that may have a port; None if it is something else.

    Only this, and never the text itself, gets any further: into the log, say.
    """
    with_port = _PORT.fullmatch(text)
    bare = with_port[1].strip("[]") if with_port is not None else text
    if "%" in bare:  # a zone may be any text
        return None
    try:
        read = ip_address(bare)
    except ValueError:
        return None
    mapped = read.ipv4_mapped if isinstance(read, IPv6Address) else None
    return str(mapped or read)
