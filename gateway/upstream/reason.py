"""Why no connection came about, in words of ours: of what aiohttp and OpenSSL say only codes are read."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Final

import aiohttp

from gateway.core.plan import FailureReason

# X509_V_ERR_..., of OpenSSL's x509_vfy.h.
_CERTIFICATES: Final[Mapping[int, FailureReason]] = {
    2: "certificate-unknown-issuer",
    9: "certificate-not-yet-valid",
    10: "certificate-expired",
    18: "certificate-self-signed",
    19: "certificate-self-signed",  # the root that it came with is nobody whom we know
    20: "certificate-unknown-issuer",
    21: "certificate-unknown-issuer",
    62: "certificate-other-host",
    64: "certificate-other-host",
}
# SSL_R_..., as Python spells them; the alerts are those of RFC 8446, section 6.
_HANDSHAKES: Final[Mapping[str, FailureReason]] = {
    "UNSUPPORTED_PROTOCOL": "tls-version",
    "NO_PROTOCOLS_AVAILABLE": "tls-version",
    "TLSV1_ALERT_PROTOCOL_VERSION": "tls-version",
    "WRONG_SSL_VERSION": "tls-version",
    "WRONG_VERSION_NUMBER": "tls-not-spoken",
    "HTTP_REQUEST": "tls-not-spoken",
    "RECORD_LAYER_FAILURE": "tls-not-spoken",
    "PACKET_LENGTH_TOO_LONG": "tls-not-spoken",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "tls-client-certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "tls-client-certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "tls-client-certificate",
}


def reason_of(error: aiohttp.ClientError) -> FailureReason | None:
    """What kept a connection from being made, or broke it. None if nothing is known beside that."""
    for each in _behind(error):
        if isinstance(each, aiohttp.ClientConnectorDNSError):
            return "unknown-host"
        if isinstance(each, aiohttp.ClientError):
            continue  # some of these are also errors of ssl, by inheritance, without what those say
        if isinstance(each, ssl.SSLCertVerificationError):
            return _CERTIFICATES.get(each.verify_code, "certificate-not-accepted")
        if isinstance(each, ssl.SSLError):
            return _HANDSHAKES.get(each.reason or "", "tls-failed")
        if isinstance(each, socket.gaierror):
            return "unknown-host"
        if isinstance(each, ConnectionRefusedError):
            return "refused"
        if isinstance(each, ConnectionResetError) and isinstance(error, aiohttp.ClientConnectorError):
            return "tls-failed"  # a connection there was; what was broken off is the handshake
        if isinstance(each, TimeoutError):
            return "connect-timeout"
    match error:
        case aiohttp.ConnectionTimeoutError():
            return "connect-timeout"
        case aiohttp.ServerFingerprintMismatch():
            return "certificate-not-accepted"
        case aiohttp.ClientConnectorError():
            return None
    return "broken-connection"


def _behind(error: BaseException) -> Iterator[BaseException]:
    """The error and what it stands for, as far as libraries tell."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        each = pending.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = getattr(each, "certificate_error", None) or getattr(each, "os_error", None)
        pending += [each.__cause__, inner if isinstance(inner, BaseException) else None]
