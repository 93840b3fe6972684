"""What the clients of this room have in common: their settings, and what they report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from gateway.core.plan import FailureKind, FailureReason
from gateway.upstream.breaker import BreakerState

EventOutcome = Literal["ok", "cancelled"] | FailureKind


@dataclass(frozen=True, slots=True)
class UpstreamEvent:
    """One request that was made, or refused before it was made; for the log and the metrics.

    ``target`` is a resource type, a Redox event or ``token``: never an id nor a query.
    ``outcome`` is ``ok`` for a status below 400, else the kind of failure. ``status`` is None when
    no answer came. ``seconds`` is the time on the wire. ``attempt`` counts from 1; 0 means that
    nothing was sent: the breaker is open, or there was no time left after waiting for a place, or our own
    rate limit is reached. ``reason`` says more of a failure than its kind.
    """

    target: str
    outcome: EventOutcome
    status: int | None
    seconds: float
    attempt: int
    reason: FailureReason | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with an upstream at one moment. ``breakers`` by target; ``set_aside`` is how many single
    schedules are not asked; ``running`` and ``waiting`` count requests."""

    breakers: Mapping[str, BreakerState]
    set_aside: int
    running: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Rebased:
    """The first link of a query to a further page that is followed below ``base_url`` though it names the
    server otherwise: by ``named``, scheme, host and port. ``target`` is as in :class:`UpstreamEvent`."""

    request_id: str
    target: str
    named: str


Observe = Callable[[UpstreamEvent], None]


def observe_nothing(_event: UpstreamEvent) -> None:
    """The default of every ``observe`` argument."""


def rebased_nothing(_rebased: Rebased) -> None:
    """The default of every ``rebased`` argument."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """How one upstream is called. Seconds and bytes throughout.

    ``max_response_bytes`` is for one page, ``max_query_bytes`` and ``max_query_pages`` for all pages that are
    read for one query; bytes are counted after decompression. ``ca_file`` names a PEM file of
    certificate authorities that are trusted beside those of the system. ``max_attempts`` counts
    the first one. ``breaker_failures`` and ``breaker_seconds`` are those of each :class:`Breaker`.
    ``pages_below_base``: links to further pages that name the server otherwise than ``base_url`` does are
    followed below that.
    """

    base_url: str
    max_concurrency: int = 20
    max_response_bytes: int = 10 * 1024 * 1024
    max_query_bytes: int = 64 * 1024 * 1024
    max_query_pages: int = 500
    max_attempts: int = 3
    backoff_seconds: float = 0.1
    backoff_cap_seconds: float = 2.0
    connect_seconds: float = 5.0
    token_seconds: float = 10.0
    pages_below_base: bool = False
    breaker_failures: int = 5
    breaker_seconds: float = 5.0
    ca_file: str | None = None
