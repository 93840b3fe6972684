"""What a FHIR server says of its tokens in ``.well-known/smart-configuration`` (SMART App Launch 2,
"Conformance").

The document is read without a token, from below the configured base URL and from nowhere else. A token
endpoint that it names is believed only where it is on the same origin: our secret goes to no host that nobody
configured.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from yarl import URL

from gateway.upstream.credentials import Credentials
from gateway.upstream.exchange import Request, Response
from gateway.upstream.token_answer import Grant, TokenError
from gateway.upstream.trouble import Trouble

TARGET: Final = "smart-configuration"
KEPT_SECONDS: Final = 3600.0
"""How long what it says is kept; what is not there is asked for as seldom."""
TROUBLE_SECONDS: Final = 60.0
_MOST_BYTES: Final = 256 * 1024

Ask = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class SmartConfiguration:
    """What matters here of the document. What it does not say, or not in its right form, is empty."""

    token_endpoint: str = ""
    methods: frozenset[str] = frozenset()
    algorithms: frozenset[str] = frozenset()

    @property
    def basic_only(self) -> bool:
        """Whether a secret is taken as HTTP Basic and, as far as is said, in no other way."""
        return "client_secret_basic" in self.methods and "client_secret_post" not in self.methods


def read(body: bytes) -> SmartConfiguration | None:
    """The document; None for what is not a JSON object."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    endpoint = value.get("token_endpoint")
    return SmartConfiguration(
        endpoint if isinstance(endpoint, str) else "",
        _words(value.get("token_endpoint_auth_methods_supported")),
        _words(value.get("token_endpoint_auth_signing_alg_values_supported")),
    )


def _words(value: Any) -> frozenset[str]:
    return (
        frozenset(each for each in value if isinstance(each, str)) if isinstance(value, list) else frozenset()
    )


class Discovered:
    """Credentials of which the server says a part: where its token endpoint is, or how it knows a client.

    ``token_url`` of None is taken from the document. ``make`` makes the credentials of a token URL and the
    document. A document that cannot be had leaves what is configured in force; it is asked for again after a
    minute (after an hour, if the server says that it has none), and never while a request needs no token.
    """

    def __init__(
        self,
        base_url: str,
        token_url: str | None,
        make: Callable[[str, SmartConfiguration], Credentials],
    ) -> None:
        self._base_url = base_url
        self._token_url = token_url
        self._make = make
        self._said = SmartConfiguration()
        self._credentials: Credentials | None = None
        self._trouble = "has not been asked for yet"
        self._ask_again_at = float("-inf")

    async def look(self, ask: Ask, *, now: float, patience: float) -> None:
        """Read the document if what is known of it is old, within ``patience`` seconds; ``now`` are seconds
        that never go back."""
        if now < self._ask_again_at:
            return
        self._ask_again_at = now + TROUBLE_SECONDS
        url = URL(f"{self._base_url}/.well-known/smart-configuration")
        try:
            async with asyncio.timeout(patience):
                response = await ask(Request("GET", url, TARGET, {"Accept": "application/json"}))
        except TimeoutError:
            self._trouble = "did not come in time"
            return
        except Trouble as trouble:
            self._trouble = "could not be read" if trouble.kind == "protocol" else "could not be asked for"
            return
        if response.status >= 500 or response.status == 429:
            self._trouble = f"was answered with status {response.status}"
            return
        self._ask_again_at = now + KEPT_SECONDS
        self._take(response)

    def _take(self, response: Response) -> None:
        said = None
        if not 200 <= response.status < 300:
            self._trouble = f"was answered with status {response.status}"
        elif len(response.body) > _MOST_BYTES or (said := read(response.body)) is None:
            self._trouble = "is not a JSON object"
        else:
            self._trouble = ""
        if said is not None and said != self._said:
            self._said, self._credentials = said, None

    def request(self, *, now: float) -> Request:
        """The request to the token endpoint. Raises TokenError if it is not known where that is."""
        return self._made().request(now=now)

    def grant(self, body: bytes, *, now: float) -> Grant:
        """Read a 2xx answer. Raises TokenError if there is no usable token in it."""
        return self._made().grant(body, now=now)

    def _made(self) -> Credentials:
        if self._credentials is None:
            self._credentials = self._make(self._token_url or self._endpoint(), self._said)
        return self._credentials

    def _endpoint(self) -> str:
        named = self._said.token_endpoint
        if not named:
            said = self._trouble or "names no token_endpoint"
            raise TokenError("protocol", f"there is no token_url, and .well-known/smart-configuration {said}")
        if not same_origin(self._base_url, named):
            text = "the token endpoint that .well-known/smart-configuration names is on another host than "
            raise TokenError("protocol", text + "base_url, so it must be written as token_url")
        return named


def same_origin(base_url: str, url: str) -> bool:
    """Whether ``url`` is on the scheme, host and port of ``base_url``, and nothing in it is hidden."""
    try:
        base, found = URL(base_url), URL(url)
        plain = found.raw_user is None and found.raw_password is None and not found.raw_fragment
        return plain and (found.scheme, found.host, found.port) == (base.scheme, base.host, base.port)
    except ValueError:
        return False
