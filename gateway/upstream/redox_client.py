"""The client of the Redox network: a query is one POST, its answer one body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.core.plan import Answer, Call, Failure
from gateway.upstream.client import Client
from gateway.upstream.credentials import Credentials
from gateway.upstream.exchange import Request
from gateway.upstream.interface import ClientSettings
from gateway.upstream.paging import BaseUrl
from gateway.upstream.places import Turn
from gateway.upstream.rate import SlidingWindow
from gateway.upstream.resilient import ResilientClient
from gateway.upstream.surroundings import Surroundings
from gateway.upstream.trouble import Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class RedoxSettings(ClientSettings):
    """``source_id`` is sent as ``Redox-Source-Id``, which newer OAuth keys need.

    Redox documents 10,000 requests in any five minutes for an IP address; the count here is that of
    one process, so workers and sites that share an address need a share each.
    """

    source_id: str | None = None
    rate_limit: int = 10_000
    rate_seconds: float = 300.0


class _Meta(msgspec.Struct, rename="pascal"):
    errors: list[Any] | None = None


class _Refusal(msgspec.Struct, rename="pascal"):
    meta: _Meta


_REFUSAL = msgspec.json.Decoder(_Refusal)


class RedoxClient(Client):
    """An :class:`~gateway.errand.Upstream` for ``POST {base_url}/endpoint``.

    A query changes nothing, but it is a POST: it is repeated only when nothing was sent, after a 429
    and, with a new token, after a 401. Raises ValueError for a base URL that is none, OSError or
    ssl.SSLError for an unusable ``ca_file``.
    """

    def __init__(self, settings: RedoxSettings, *, credentials: Credentials, around: Surroundings) -> None:
        endpoint = BaseUrl(settings.base_url).below("endpoint")
        if endpoint is None:
            raise ValueError("the base URL must not have '.' or '..' in its path")
        self._endpoint = endpoint
        self._source_id = settings.source_id
        super().__init__(
            ResilientClient(
                settings,
                credentials=credentials,
                around=around,
                repeats=frozenset({"always"}),
                code_of=error_type,
                rate=SlidingWindow(
                    limit=settings.rate_limit, seconds=settings.rate_seconds, clock=around.clock
                ),
            )
        )

    async def call(
        self, call: Call, *, deadline: float, request_id: str, turn: Turn | None = None
    ) -> Answer | Failure:
        """Post ``call.body``. Any 2xx is an Answer: whether ``Meta.Errors`` is in it, the flow sees.

        Raises ValueError for a call without a body, which no flow may ask for here.
        """
        if call.body is None:
            raise ValueError("a call to Redox needs a body")
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "X-Request-Id": request_id,
        }
        if self._source_id is not None:
            headers["Redox-Source-Id"] = self._source_id
        request = Request("POST", self._endpoint, call.target, headers, call.body)
        try:
            response = await self._client.send(request, deadline=deadline, turn=turn)
        except Trouble as trouble:
            return trouble.failure(call)
        return Answer(call, (response.body,))


def error_type(body: bytes) -> str | None:
    """The first ``Meta.Errors[].Type``, if the body has one; it may be HTML."""
    try:
        errors = _REFUSAL.decode(body).meta.errors or []
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return next((kind for each in errors if isinstance(each, dict) and (kind := each.get("Type"))), None)
