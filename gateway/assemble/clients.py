"""The client of a site's upstream, from its settings: which kind is the dialect's to say."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from gateway.config.settings import Upstream
from gateway.tables.read.dialect import Dialect
from gateway.upstream.client_assertion import SignedAssertion, usual_algorithm
from gateway.upstream.client_secret import ClientCredentials, Fields, SecretMethod
from gateway.upstream.credentials import Credentials
from gateway.upstream.fhir_client import FhirClient
from gateway.upstream.interface import ClientSettings
from gateway.upstream.oauth import FixedToken
from gateway.upstream.redox_client import RedoxClient, RedoxSettings
from gateway.upstream.redox_credentials import LegacyKey
from gateway.upstream.smart_configuration import Discovered, SmartConfiguration
from gateway.upstream.surroundings import Surroundings

Client = FhirClient | RedoxClient
Make = Callable[[str, SmartConfiguration], Credentials]
"""Makes credentials of the token URL and what the server says of itself."""

TOKEN_SECONDS = 10.0
TOKEN_SHARE = 0.8
"""The most for which a token is waited for, in seconds and as a share of the site's deadline."""

USUAL_RATE = 10_000
"""Requests in any five minutes, as Redox documents it for one address."""


class Misfit(ValueError):
    """A value of ``upstream`` that no client can be made of; ``key`` is the one to mend."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.key = key


def credentials_of(upstream: Upstream, dialect: Dialect) -> Credentials | FixedToken | None:
    """How a token is asked for; None for an upstream that knows nobody. Raises Misfit.

    The checks of the configuration have seen to it that what each way needs is there. What is left to the
    server to say (where its token endpoint is, how it takes a secret) is asked of a FHIR server.
    """
    asks = dialect.upstream == "fhir"
    match upstream.auth:
        case "client-credentials":
            open_ = upstream.token_url is None or upstream.token_auth == "auto"
            return _settled(upstream, _by_secret(upstream), asks=asks and open_)
        case "signed-assertion":
            return _settled(upstream, _by_assertion(upstream), asks=asks and upstream.token_url is None)
        case "api-key":
            assert upstream.api_key is not None and upstream.secret is not None
            return LegacyKey(
                base_url=upstream.base_url,
                api_key=upstream.api_key.get_secret_value(),
                secret=upstream.secret.get_secret_value(),
            )
        case "token":
            assert upstream.token is not None
            return FixedToken(upstream.token.get_secret_value())
        case "none":
            return None


def _settled(upstream: Upstream, make: Make, *, asks: bool) -> Credentials:
    """The credentials, or what makes them once the server has said its part. Raises Misfit either way."""
    try:
        whole = make(upstream.token_url or upstream.base_url, SmartConfiguration())
    except ValueError as error:
        key = "private_key" if upstream.private_key is not None else "secret"
        raise Misfit(key, str(error)) from None
    return Discovered(upstream.base_url, upstream.token_url, make) if asks else whole


def _by_secret(upstream: Upstream) -> Make:
    assert upstream.client_secret is not None
    secret = upstream.client_secret.get_secret_value()

    def make(token_url: str, said: SmartConfiguration) -> Credentials:
        method: SecretMethod = "client_secret_post"
        if upstream.token_auth == "client_secret_basic" or (
            upstream.token_auth == "auto" and said.basic_only
        ):
            method = "client_secret_basic"
        return ClientCredentials(
            token_url=token_url,
            client_id=upstream.client_id or "",
            client_secret=secret,
            scope=upstream.scope,
            method=method,
            extra=_extra(upstream),
        )

    return make


def _by_assertion(upstream: Upstream) -> Make:
    held = upstream.private_key or upstream.secret
    assert held is not None
    key = held.get_secret_value().encode()

    def make(token_url: str, said: SmartConfiguration) -> Credentials:
        return SignedAssertion(
            token_url=token_url,
            client_id=upstream.client_id or "",
            key_id=upstream.key_id or "",
            key=key,
            algorithm=upstream.algorithm or usual_algorithm(key, said.algorithms),
            scope=upstream.scope,
            audience=upstream.assertion_audience,
            seconds=upstream.assertion_seconds,
            extra=_extra(upstream),
        )

    return make


def _extra(upstream: Upstream) -> Fields:
    audience = (("audience", upstream.audience),) if upstream.audience is not None else ()
    further = ((name, value.get_secret_value()) for name, value in upstream.token_fields.items())
    return (*audience, *(("resource", each) for each in upstream.resource), *further)


def client_of(
    upstream: Upstream, dialect: Dialect, around: Surroundings, *, deadline_seconds: float
) -> Client:
    """The client of a site that answers within ``deadline_seconds``, which leaves less for waiting for a
    token, so that there is time to say that it was the token that did not come. Raises Misfit for what only
    making it shows: a file, a certificate, an address."""
    credentials = credentials_of(upstream, dialect)
    ca_file = str(upstream.ca_file) if upstream.ca_file is not None else None
    token_seconds = min(TOKEN_SECONDS, TOKEN_SHARE * deadline_seconds)
    try:
        if dialect.upstream == "fhir":
            settings = ClientSettings(
                base_url=upstream.base_url,
                max_concurrency=upstream.max_concurrency,
                max_response_bytes=upstream.max_response_bytes,
                max_query_bytes=upstream.max_query_bytes,
                max_query_pages=upstream.max_query_pages,
                pages_below_base=upstream.pages_below_base,
                ca_file=ca_file,
                token_seconds=token_seconds,
            )
            return FhirClient(settings, credentials=credentials, around=around)
        assert credentials is not None and not isinstance(credentials, FixedToken)  # held by the check
        return RedoxClient(
            RedoxSettings(
                base_url=upstream.base_url,
                max_concurrency=upstream.max_concurrency,
                max_response_bytes=upstream.max_response_bytes,
                max_query_bytes=upstream.max_query_bytes,
                max_query_pages=upstream.max_query_pages,
                ca_file=ca_file,
                token_seconds=token_seconds,
                source_id=upstream.source_id,
                rate_limit=upstream.requests_per_five_minutes or USUAL_RATE,
            ),
            credentials=credentials,
            around=around,
        )
    except (OSError, ssl.SSLError):
        raise Misfit("ca_file", "is not a PEM file of certificates") from None
    except ValueError as error:
        raise Misfit("base_url", str(error)) from None
