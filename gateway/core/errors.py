"""What can go wrong, as values and as one small tree of exceptions.

Each class carries the HTTP status that both public sides answer with, so that
no other room needs a table of its own from faults to statuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

_MENDED_SECONDS = 60.0
Severity = Literal["fatal", "error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that a person should know about a message or an answer.

    ``code`` is a code of FHIR's `issue-type` value set. ``path`` is where it is, in the words of
    the side it concerns (``Visit.VisitPreference[0].Duration``), empty when it is about the whole.
    ``text`` says what is wrong and what to write instead; it never holds a value out of ``Patient``
    nor anything that an upstream wrote.
    """

    code: str
    path: str
    text: str
    severity: Severity = "error"

    def __str__(self) -> str:
        return f"{self.path}: {self.text}" if self.path else self.text


@dataclass(frozen=True, slots=True)
class UpstreamFault:
    """Which request upstream an error comes of, for the log: a resource type, a Redox event or ``token``; the
    kind of failure; the status and the checked code that came back, if any did; what else is known, a
    word of a fixed set (:data:`gateway.core.plan.FailureReason`)."""

    target: str
    failure: str
    status: int | None
    code: str | None
    reason: str | None = None


class GatewayError(Exception):
    """The root: what was asked cannot be answered.

    ``issues`` holds every fault that was found, never only the first; ``more``: there are others, which were
    not looked for. ``retry_after`` is in seconds, for the statuses that have it. ``redox_type`` is the
    ``Type`` of the Redox error: message, query or transmission. ``upstream`` is there where an upstream's
    failure is the reason.
    """

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "internal"
    usual_type: ClassVar[str] = "message"

    def __init__(
        self,
        *issues: Issue,
        more: bool = False,
        retry_after: float | None = None,
        redox_type: str | None = None,
    ) -> None:
        super().__init__("; ".join(str(issue) for issue in issues[:10]) or self.kind)
        self.issues = issues
        self.more = more
        self.retry_after = retry_after
        self.redox_type = redox_type or self.usual_type
        self.upstream: UpstreamFault | None = None


class InvalidMessage(GatewayError):
    """What came in is not a valid message of its kind, or asks for something contradictory."""

    status = 400
    kind = "invalid-message"


class Unauthorized(GatewayError):
    """No token, a wrong one, or one that is for another site."""

    status = 401
    kind = "unauthorized"


class Forbidden(GatewayError):
    """The caller is known, but this is not among the things it may do."""

    status = 403
    kind = "forbidden"


class NotFound(GatewayError):
    """There is no such resource or route."""

    status = 404
    kind = "not-found"


class UnknownDestination(GatewayError):
    """The message is addressed to a destination that no site of this gateway answers for."""

    status = 404
    kind = "unknown-destination"


class MethodNotAllowed(GatewayError):
    """The route exists, but not for this HTTP method."""

    status = 405
    kind = "method-not-allowed"


class TooLarge(GatewayError):
    """The body is above the configured limit."""

    status = 413
    kind = "too-large"


class UnsupportedMediaType(GatewayError):
    """The body is not of a media type that this route reads."""

    status = 415
    kind = "unsupported-media-type"


class NotKnownHere(GatewayError):
    """The message is valid, but names a provider, place or visit type that this site does not have."""

    status = 422
    kind = "not-known-here"
    usual_type = "query"


class TooCostly(GatewayError):
    """The message is valid, but what it asks would take more searches than a site makes for one."""

    status = 422
    kind = "too-costly"
    usual_type = "query"


class UpstreamFailed(GatewayError):
    """The upstream failed, refused us, or said something that cannot be read."""

    status = 502
    kind = "upstream-failed"
    usual_type = "transmission"


class UpstreamUnavailable(GatewayError):
    """The upstream is overloaded, or its breaker is open: asking again later may help."""

    status = 503
    kind = "upstream-unavailable"
    usual_type = "transmission"


class LeftOut(GatewayError):
    """The mapping tables of the site that is meant have faults, so that nothing can be asked or answered."""

    status = 503
    kind = "left-out"
    usual_type = "transmission"

    def __init__(self) -> None:
        text = "The mapping tables of this site have faults, so this gateway does not answer for it."
        super().__init__(
            Issue("exception", "", f"{text} Its operator must mend them."), retry_after=_MENDED_SECONDS
        )


class DeadlineExceeded(GatewayError):
    """Nothing could be answered within the site's deadline."""

    status = 504
    kind = "deadline-exceeded"
    usual_type = "query"
