"""The frozen values that flows and the driver hand to each other.

A flow is a generator. It yields an :class:`Ask` (or a :class:`Remember`, or a :class:`Pause`) and is sent
what came back, in the order it asked; its return value is the :class:`Reply`. Nothing here does any I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from gateway.core.errors import Issue, UpstreamFault
from gateway.core.values import Pieces, giving

T = TypeVar("T")

FailureKind = Literal[
    "connect",  # no connection, or it broke before a whole answer was there
    "deadline",  # our own time ran out
    "status",  # the upstream answered with a status >= 400 that none of the others covers
    "unauthorized",  # 401 or 403, or no token was to be had
    "overloaded",  # 429, or 503 with no better after the retries
    "breaker",  # not even asked: the breaker of this upstream is open
    "protocol",  # an answer that is not what its protocol says: not JSON, too large, a redirect
]


FailureReason = Literal[
    "queue",  # overloaded: our own line for this upstream is too long to be answered in time
    "rate-limit",  # overloaded: our own limit of requests to this upstream is reached
    "query-limit",  # protocol: what all answers to one query may be together is used up
    "unknown-host",  # connect: its name has no address
    "refused",  # connect: nothing listens there
    "connect-timeout",  # connect: no connection within the time for one
    "broken-connection",  # connect: it broke after the request was begun
    "certificate-expired",
    "certificate-not-yet-valid",
    "certificate-self-signed",
    "certificate-unknown-issuer",
    "certificate-other-host",  # it is for another name
    "certificate-not-accepted",  # any other fault of a certificate
    "tls-version",  # no version of TLS that both speak
    "tls-not-spoken",  # what listens there speaks no TLS: plain HTTP, most likely
    "tls-client-certificate",  # it wants a certificate of ours
    "tls-failed",  # any other way in which no secure connection came about
    "not-json",  # protocol, of the token endpoint: its answer is no JSON object
    "no-token",  # protocol, of the token endpoint: there is none in its answer
    "unusable-token",  # protocol, of the token endpoint: one that no request can carry
]
"""What is known beside the kind of a failure; in the log, the metrics and the rows of ``errors.yaml``."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request that a flow wants made at the site's upstream.

    For a FHIR upstream: ``GET {base_url}/{target}?{params}``, following ``next`` links up to
    ``max_pages`` pages. For a Redox upstream: ``body`` is posted and ``target`` is the event.
    ``params`` never hold anything of a patient. ``subject`` is what of the upstream the call is about (the
    schedules of a search), so that one of them that always fails is not taken for a failing upstream;
    empty: the upstream as a whole. ``words``: a Failure shall tell what the upstream wrote, as a person at a
    terminal has asked. Neither is sent anywhere nor has a part in comparisons.
    """

    target: str
    params: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    max_pages: int = 20
    subject: str = field(default="", compare=False)
    words: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call brought: the bytes of its pages, in order.

    ``complete`` is false when pages are missing (the cap was reached, a later page failed, or a
    ``next`` link pointed somewhere we do not go); ``issues`` then says which.
    """

    call: Call
    pages: tuple[bytes, ...]
    complete: bool = True
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that brought nothing. The flow decides whether that is a partial answer or an error.

    ``status`` is the upstream's HTTP status, if there was one; ``code`` the first issue code of
    its OperationOutcome (or the ``Type`` of a Redox error); ``retry_after`` is in seconds; ``reason`` is one
    of a fixed set of words of ours. ``token`` is there when it was the token endpoint that failed, and says
    how in words of ours: the upstream was not asked then, and ``status`` and ``code`` are those of the token
    endpoint (its OAuth error). ``words``, of a call that wants them, are the upstream's own: for that person
    only, as they may name a patient.
    """

    call: Call
    kind: FailureKind
    status: int | None = None
    code: str | None = None
    retry_after: float | None = None
    token: str | None = None
    reason: FailureReason | None = None
    words: str = field(default="", repr=False)

    @property
    def fault(self) -> UpstreamFault:
        """What of it is for the log: nothing that the upstream wrote but a checked code."""
        target = self.call.target if self.token is None else "token"
        return UpstreamFault(target, self.kind, self.status, self.code, self.reason)


class Turn(Protocol):
    """The place in an upstream's line that the calls of one stage hold together."""

    def close(self) -> None:
        """Give up what was not used. To be called when the stage has ended, however it ended."""


Outcome = Answer | Failure


@dataclass(frozen=True, slots=True)
class Ask:
    """The calls of one stage; the driver makes them together and sends back ``tuple[Outcome, ...]``."""

    stage: str
    calls: tuple[Call, ...]


MOST_ROUNDS = 8
"""How often one answer of a Remember stage may lead to further calls."""


@dataclass(frozen=True, slots=True)
class Remember:
    """A stage whose result may be kept: the driver sends back ``build(outcomes)``.

    ``more(outcomes)`` gives the calls that what came so far leads to, which are made next, in at most
    :data:`MOST_ROUNDS` rounds; ``build`` gets the outcomes of all. Both are pure. The driver keeps what it
    returns under ``key`` (unique within a site) for ``seconds``, and lets simultaneous flows share one set of
    calls. A build that raises, or whose ``keep(result)`` is false, is not kept.

    At most ``share`` of the flow's time that is left is waited for the calls; those that are not back by
    then are Failures. What a stage without all its answers makes is used for ``again_seconds`` before
    anything is asked anew. In its place a kept result is used that ended at most ``stale_seconds`` ago;
    the flow is then sent ``stale(result)``.
    """

    stage: str
    key: str
    seconds: float
    calls: tuple[Call, ...]
    build: Callable[[tuple[Outcome, ...]], Any]
    more: Callable[[tuple[Outcome, ...]], tuple[Call, ...]] = lambda _outcomes: ()
    keep: Callable[[Any], bool] = lambda _result: True
    share: float = 1.0
    again_seconds: float = 0.0
    stale_seconds: float = 0.0
    stale: Callable[[Any], Any] = lambda result: result


@dataclass(frozen=True, slots=True)
class Pause:
    """A flow has worked for some milliseconds and has more to do: the driver looks after others, and sends
    None."""


def paused(work: Pieces[T]) -> Generator[Pause, None, T]:
    """What the work comes to, for a flow: it pauses wherever the work may be given up."""
    return giving(Pause(), work)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the client gets. ``counts`` are for the log and the metrics: numbers, no values. ``unchecked`` are
    the fields of what was asked that narrow, and could not be checked here. ``kept`` is what may be handed to
    the flow that answers the same client's next page."""

    status: int
    body: bytes
    content_type: str
    issues: tuple[Issue, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    unchecked: tuple[str, ...] = ()
    kept: Any = None


Flow = Generator[Ask | Remember | Pause, Any, Reply]
