"""What the Redox surface asks of the rest: a message in, the site it is for, the answer out."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from gateway.assemble.reading import MessageReading
from gateway.assemble.unknown_fields import noting
from gateway.clock import Clock, utc_now
from gateway.core import flows, redox, redox_flows
from gateway.core.directory import shown
from gateway.core.envelope import Envelope
from gateway.core.errors import GatewayError, InvalidMessage, Issue, LeftOut, Unauthorized, UnknownDestination
from gateway.core.flows import SiteRules
from gateway.core.plan import Flow, Reply
from gateway.core.redox import FaultyMessage, Message, Reader
from gateway.core.redox_flows import Address
from gateway.service import Service, Upstream
from gateway.tables.answer.site import SiteTables
from gateway.web.exchange import Exchange
from gateway.web.tokens import TokenIndex

T = TypeVar("T")
Answers = Callable[[Message, SiteRules, SiteTables, datetime], Flow]

_AT = "Meta.Destinations"
FLOWS: Mapping[str, Answers] = {"AvailableSlots": flows.available_slots}


@dataclass(frozen=True, slots=True)
class Served:
    """A site, ready to answer. ``deadline_seconds`` counts from when its request came. ``address`` is
    there where its upstream is Redox."""

    rules: SiteRules
    tables: SiteTables
    upstream: Upstream
    deadline_seconds: float
    address: Address | None = None


class RedoxGateway:
    """Implements :class:`gateway.web.exchange.Gateway`.

    ``destinations`` are ids to site ids; letter case does not tell two of them apart. A site of theirs that
    is none of ``sites`` is left out: its tables have faults.
    """

    def __init__(
        self,
        sites: Mapping[str, Served],
        destinations: Mapping[str, str],
        *,
        tokens: TokenIndex,
        reader: Reader,
        service: Service,
        clock: Clock = utc_now,
    ) -> None:
        self._sites = dict(sites)
        self._destinations = {name.casefold(): site for name, site in destinations.items()}
        self._tokens = tokens
        self._reading = MessageReading(reader)
        self._service = service
        self._clock = clock

    def opens(self, token: str) -> frozenset[str] | None:
        """The ids of the sites that this verification token opens."""
        return self._tokens.opens(token)

    async def redox(
        self, body: bytes, *, allowed: frozenset[str], site: str | None, request: Exchange
    ) -> Reply:
        """Answer a message by the flow of its event, within the deadline of its site.

        ``allowed``: the sites that the caller's token opens; ``site``: the one of the URL, if any, which
        must be the one of the destination. Raises GatewayError.
        """
        began = time.perf_counter()

        def opened(envelope: Envelope) -> None:
            # First of all: whatever is wrong with the message, Redox finds its log by this id.
            request.adopt(envelope.request_id)
            request.body = envelope.echoed

        message = await self._reading.read(body, opened, lambda error: self._every_fault(error, allowed))
        request.stages["read"] = time.perf_counter() - began
        request.event = message.event
        request.site = self._meant(message, allowed, site)
        served = self._sites.get(request.site)
        if served is None:
            raise LeftOut
        request.table_hash = served.tables.hash
        request.pass_over(message.passed_over)
        flow = answering(message, served.rules, served.tables, served.address, self._clock())
        reply, _ = await self._service.run(
            noting(flow, request.pass_over) if served.address is not None else flow,
            served.upstream,
            site=served.rules.id,
            request_id=request.request_id,
            deadline_seconds=max(0.0, served.deadline_seconds - (time.monotonic() - request.received)),
            state_version=served.tables.hash,
            timings=request.stages,
            failures=request.failures,
        )
        return reply

    def redox_error(self, error: GatewayError, body: bytes | None) -> bytes:
        """A body with ``Meta.Errors``."""
        return redox.error_reply(error, body)

    def _every_fault(self, error: InvalidMessage, allowed: frozenset[str]) -> InvalidMessage:
        """With the faults of its values, if it can be told which site's tables read them."""
        if not isinstance(error, FaultyMessage):
            return error
        named = error.rest.destinations if error.rest is not None else ()
        site = self._destinations.get(named[0].casefold()) if len(named) == 1 else None
        if site is None or site not in allowed:
            return error
        served = self._sites.get(site)
        return error if served is None else flows.every_fault(error, served.rules, served.tables)

    def swap(self, sites: Mapping[str, Served]) -> None:
        """Answer for these sites by these from now on; what is under way ends as it began."""
        self._sites.update(sites)

    @property
    def sites(self) -> Mapping[str, Served]:
        """Those that are not left out."""
        return self._sites

    def _meant(self, message: Message, allowed: frozenset[str], site: str | None) -> str:
        found = self._destinations.get(destination_of(message).casefold())
        if found is None:
            text = f'"{shown(message.destinations[0])}" is not a destination of this gateway'
            hint = "; its configuration lists them under sites, redox, destination_ids"
            raise UnknownDestination(Issue("not-found", f"{_AT}[0].ID", text + hint))
        if found not in allowed:
            text = "this verification token is not the one of this destination"
            raise Unauthorized(Issue("login", f"{_AT}[0].ID", text))
        if site is not None and site != found:
            text = f'the address is for site "{site}", the message for a destination of another site'
            raise InvalidMessage(Issue("invariant", f"{_AT}[0].ID", text))
        return found


def answering(
    message: Message, rules: SiteRules, tables: SiteTables, address: Address | None, now: datetime
) -> Flow:
    """The flow that answers a message: from the site's EHR, or from Redox where ``address`` says so."""
    if address is None or tables.fhir_server is None:
        flow = FLOWS[message.event](message, rules, tables, now)
    else:
        flow = redox_flows.relay(message, rules, tables.fhir_server.relayed, address, tables, now)
    return as_sent(message, flow)


def as_sent(message: Message, flow: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
    """The flow, whose faults are told at the paths that the sender knows."""
    try:
        return (yield from flow)
    except GatewayError as error:
        error.issues = message.sent(error.issues)
        raise


def destination_of(message: Message) -> str:
    """The one destination of a query. InvalidMessage if it has none or several."""
    names = message.destinations
    if not names:
        raise InvalidMessage(Issue("required", f"{_AT}[0].ID", "is missing; it says which site is asked"))
    if len(names) > 1:
        text = f"names {len(names)} destinations; a query is answered by exactly one, so send one for each"
        raise InvalidMessage(Issue("too-many", _AT, text))
    return names[0]
