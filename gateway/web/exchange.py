"""What the web room and the rest hand to each other: the record of one request, and the protocols."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from aiohttp import web

from gateway.core.errors import GatewayError, Issue
from gateway.core.fhir import Interaction
from gateway.core.plan import Failure, Reply
from gateway.web.access import Access
from gateway.web.forwarded import UNKNOWN, Origin

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def plausible_request_id(text: object) -> bool:
    """Whether this may stand in a header and a log: 1 to 64 of ASCII letters, digits, ``.``, ``_``, ``-``."""
    return isinstance(text, str) and _REQUEST_ID.fullmatch(text) is not None


def new_request_id() -> str:
    """One that nobody else has: 32 hexadecimal digits."""
    return os.urandom(16).hex()


@dataclass(slots=True)
class Exchange:
    """One request and what became of it. Filled in along the way; the log line and the metrics read it.

    ``received`` is a time of :func:`time.monotonic`. ``stages`` are seconds, ``counts`` numbers by
    name; ``passed_over`` is where a message, or Redox's answer, held fields that its schema does not have,
    and how many; ``unchecked`` are the fields that narrow and could not be checked; ``table_hash`` names the
    tables that answered. ``client`` is who was let in: the configured id of a FHIR client, ``jwt`` with the
    client id that the issuer vouches for, or the sites whose Redox token it was; never a token. ``origin`` is
    from where. ``body`` is kept only for an error body that echoes ``Meta``: as much of the message as that
    takes, set once the caller is known, and never logged. ``failures`` are the calls upstream that brought
    nothing.
    ``tables_wanted``: the caller asks to be told which tables answer.
    """

    request_id: str
    surface: str
    method: str
    route: str | None = None
    site: str | None = None
    event: str | None = None
    client: str | None = None
    origin: Origin = UNKNOWN
    table_hash: str | None = None
    bytes_in: int = 0
    received: float = field(default_factory=time.monotonic)
    stages: dict[str, float] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    tables_wanted: bool = False
    issues: tuple[Issue, ...] = ()
    passed_over: dict[str, int] = field(default_factory=dict)
    unchecked: tuple[str, ...] = ()
    body: bytes | None = None

    def adopt(self, request_id: object) -> None:
        """Go on under the caller's own request id (``Meta.Logs[0].ID``), if it is a plausible one."""
        if plausible_request_id(request_id):
            self.request_id = str(request_id)

    def pass_over(self, names: Mapping[str, Sequence[str]]) -> None:
        """Count the fields that were passed over, by the path of what they stand in."""
        self.passed_over |= {path: len(each) for path, each in names.items()}


EXCHANGE: Final = web.RequestKey("exchange", Exchange)


class Gateway(Protocol):
    """What the Redox surface needs of the rest."""

    def opens(self, token: str) -> frozenset[str] | None:
        """The ids of the sites that this verification token opens; None: there is no such token."""

    async def redox(
        self, body: bytes, *, allowed: frozenset[str], site: str | None, request: Exchange
    ) -> Reply:
        """Answer a Redox message. ``site`` is the one in the URL, if any. Raises GatewayError.

        ``request.body`` is set to what :meth:`redox_error` is to be handed, as soon as it is known."""

    def redox_error(self, error: GatewayError, body: bytes | None) -> bytes:
        """A JSON body with ``Meta.Errors``, echoing the ``Meta`` of ``body`` where that can be read."""


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """A search parameter that a site understands, for its CapabilityStatement.

    ``type`` is a code of FHIR's `search-param-type` value set; ``documentation`` is a sentence for people.
    """

    name: str
    type: str
    documentation: str = ""


@dataclass(frozen=True, slots=True)
class FhirSite:
    """A site that answers FHIR clients, as far as the web side has to know it.

    ``searchable``: the types of resource that it has, each with its search parameters. ``includes``: the
    values of ``_include`` that it follows, such as ``Slot:schedule``; ``since``: from when on all this holds.
    ``left_out``: its tables have faults, and nothing more is known.
    """

    id: str
    access: Access
    searchable: Mapping[str, tuple[SearchParameter, ...]]
    includes: tuple[str, ...] = ()
    since: datetime | None = None
    left_out: bool = False


class FhirGateway(Protocol):
    """What the FHIR surface needs of the rest."""

    def fhir_site(self, site: str) -> FhirSite | None:
        """The site of this id; None: there is none, or it does not answer FHIR clients."""

    async def fhir(self, interaction: Interaction, *, site: str, exchange: Exchange) -> Reply:
        """Answer a search or a read. Raises GatewayError."""


@dataclass(frozen=True, slots=True)
class Surface:
    """One of the languages that the public listener speaks, and how it says that something failed.

    ``prefix`` is where its paths begin; ``render`` gives the body and its media type.
    """

    name: str
    prefix: str
    render: Callable[[GatewayError, Exchange], tuple[bytes, str]]


class NotAcceptable(GatewayError):
    """The caller takes only formats that are not spoken here."""

    status = 406
    kind = "not-acceptable"


class RequestTimeout(GatewayError):
    """The caller did not send its body in time."""

    status = 408
    kind = "request-timeout"


class AddressTooLong(GatewayError):
    """The request line is longer than is read."""

    status = 414
    kind = "address-too-long"


class HeaderTooLong(GatewayError):
    """A header is longer than is read."""

    status = 431
    kind = "header-too-long"
