"""The client of a site's upstream, from its settings: which kind is the dialect's to say."""

from __future__ import annotations

import ssl

from gateway.config.settings import Upstream
from gateway.tables.read.dialect import Dialect
from gateway.upstream.fhir_client import FhirClient
from gateway.upstream.interface import ClientSettings
from gateway.upstream.oauth import ClientCredentials, Credentials, FixedToken
from gateway.upstream.redox_client import RedoxClient, RedoxSettings
from gateway.upstream.redox_credentials import LegacyKey, SignedAssertion
from gateway.upstream.surroundings import Surroundings

Client = FhirClient | RedoxClient

USUAL_RATE = 10_000
"""Requests in any five minutes, as Redox documents it for one address."""


class Misfit(ValueError):
    """A value of ``upstream`` that no client can be made of; ``key`` is the one to mend."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.key = key


def credentials_of(upstream: Upstream) -> Credentials | FixedToken | None:
    """How a token is asked for; None for an upstream that knows nobody. Raises Misfit.

    The checks of the configuration have seen to it that what each way needs is there.
    """
    token_url, client_id = upstream.token_url or "", upstream.client_id or ""
    match upstream.auth:
        case "client-credentials":
            assert upstream.client_secret is not None
            secret = upstream.client_secret.get_secret_value()
            return ClientCredentials(
                token_url=token_url, client_id=client_id, client_secret=secret, scope=upstream.scope
            )
        case "signed-assertion":
            held = upstream.private_key or upstream.secret
            assert held is not None
            try:
                return SignedAssertion(
                    token_url=token_url,
                    client_id=client_id,
                    key_id=upstream.key_id or "",
                    key=held.get_secret_value().encode(),
                    algorithm=upstream.algorithm,
                    scope=upstream.scope,
                )
            except ValueError as error:
                key = "private_key" if upstream.private_key is not None else "secret"
                raise Misfit(key, str(error)) from None
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


def client_of(upstream: Upstream, dialect: Dialect, around: Surroundings) -> Client:
    """The client. Raises Misfit for what only making it shows: a file, a certificate, an address."""
    credentials = credentials_of(upstream)
    ca_file = str(upstream.ca_file) if upstream.ca_file is not None else None
    try:
        if dialect.upstream == "fhir":
            settings = ClientSettings(
                base_url=upstream.base_url,
                max_concurrency=upstream.max_concurrency,
                max_response_bytes=upstream.max_response_bytes,
                ca_file=ca_file,
            )
            return FhirClient(settings, credentials=credentials, around=around)
        assert credentials is not None and not isinstance(credentials, FixedToken)  # held by the survey
        return RedoxClient(
            RedoxSettings(
                base_url=upstream.base_url,
                max_concurrency=upstream.max_concurrency,
                max_response_bytes=upstream.max_response_bytes,
                ca_file=ca_file,
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
