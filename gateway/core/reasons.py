"""What is said to an operator of the reasons for which an upstream was not asked, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.core.plan import FailureReason

_CLOCK = "see that the clock of this machine is right; else its operator must put it right"

REASONS: Final[Mapping[FailureReason, tuple[str, str]]] = {
    "queue": (
        "more is asked of it than it answers in time",
        "raise upstream.max_concurrency, if it can bear more at a time",
    ),
    "rate-limit": ("our own limit of requests is reached", "see upstream.requests_per_five_minutes"),
    "query-limit": (
        "its answers to one query are more than is read for it",
        "see upstream.max_query_bytes and max_query_pages",
    ),
    "unknown-host": ("its name has no address", "see the host in upstream.base_url and upstream.token_url"),
    "refused": (
        "nothing listens there",
        "see host and port in upstream.base_url and upstream.token_url",
    ),
    "connect-timeout": (
        "no connection within the time for one",
        "see the firewall between, and upstream.base_url",
    ),
    "broken-connection": ("the connection broke before a whole answer was there", "see its own log"),
    "certificate-expired": ("its certificate has expired", f"its operator must renew it; {_CLOCK}"),
    "certificate-not-yet-valid": ("its certificate is not valid yet", _CLOCK),
    "certificate-self-signed": (
        "its certificate is self-signed, or of an authority that is, and is not trusted here",
        "name the PEM file of that authority in upstream.ca_file",
    ),
    "certificate-unknown-issuer": (
        "its certificate is of an authority that is not trusted here",
        "name the PEM file of that authority in upstream.ca_file; or its operator must send the "
        "intermediate certificates along",
    ),
    "certificate-other-host": (
        "its certificate is for another name",
        "write the name of the certificate as the host in upstream.base_url (or token_url)",
    ),
    "certificate-not-accepted": ("its certificate cannot be accepted", "its operator must look into it"),
    "tls-version": ("it speaks no version of TLS that is safe", "its operator must allow TLS 1.2 or newer"),
    "tls-not-spoken": (
        "what listens there does not speak TLS",
        "see the scheme and the port in upstream.base_url and upstream.token_url",
    ),
    "tls-client-certificate": (
        "it wants a certificate of ours",
        "the gateway has none to show; put a proxy between that has",
    ),
    "tls-failed": ("no secure connection could be agreed on", "see its own log"),
    "not-json": (
        "its token endpoint answered with something else than JSON",
        "see upstream.token_url: it must be the endpoint itself, not a page to sign in on",
    ),
    "no-token": (
        "there is no token in the answer of its token endpoint",
        "see upstream.token_url, and ask its operator for an OAuth 2.0 client with client credentials",
    ),
    "unusable-token": (
        "the token that its token endpoint gave cannot be sent along",
        "ask its operator for Bearer tokens",
    ),
}
"""By reason: what is so, and what to do about it. The keys are those of a site in the configuration."""
