"""The client of a FHIR R4 server: searches and reads, page by page."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from yarl import URL

from gateway.core.errors import Issue
from gateway.core.plan import Answer, Call, Failure
from gateway.core.values import AT_ONCE_BYTES
from gateway.upstream.client import Client
from gateway.upstream.credentials import Credentials
from gateway.upstream.exchange import Request
from gateway.upstream.interface import ClientSettings, Rebased
from gateway.upstream.oauth import FixedToken
from gateway.upstream.paging import BaseUrl, entries_of, missing_from, next_link, onward
from gateway.upstream.places import Turn
from gateway.upstream.resilient import ResilientClient
from gateway.upstream.surroundings import Surroundings
from gateway.upstream.trouble import Trouble


class _Outcome(msgspec.Struct):
    issue: list[Any] | None = None


_OUTCOME = msgspec.json.Decoder(_Outcome)


class FhirClient(Client):
    """An :class:`~gateway.errand.Upstream` for ``GET {base_url}/{target}?{params}``.

    Raises ValueError for a base URL that is none, OSError or ssl.SSLError for an unusable ``ca_file``.
    """

    def __init__(
        self, settings: ClientSettings, *, credentials: Credentials | FixedToken | None, around: Surroundings
    ) -> None:
        self._base = BaseUrl(settings.base_url)
        self._rebases = settings.pages_below_base
        self._rebased = around.rebased
        self._looking = asyncio.Lock()
        super().__init__(
            ResilientClient(
                settings,
                credentials=credentials,
                around=around,
                # Only GETs are made here (RFC 9110, section 9.2.2).
                repeats=frozenset({"always", "idempotent"}),
                code_of=issue_code,
            )
        )

    async def call(
        self, call: Call, *, deadline: float, request_id: str, turn: Turn | None = None
    ) -> Answer | Failure:
        """Make the search and follow its ``next`` links, up to ``call.max_pages`` pages.

        The first page decides between Answer and Failure. What keeps a later one away leaves the
        Answer incomplete, with an Issue that says why and quotes nothing of the upstream.
        """
        url = self._base.below(call.target, call.params)
        if url is None:
            return Failure(call, "protocol")
        pages: list[bytes] = []
        seen: set[URL] = set()
        missing: Issue | None = None
        told = False
        held: list[tuple[int, bytes, bytes] | None] = []  # what stands on each page, where there are several
        while url is not None:
            seen.add(url)
            try:
                page, link = await self._page(call, url, deadline, request_id, turn)
            except Trouble as trouble:
                if not pages:
                    return trouble.failure(call)
                code = "too-costly" if trouble.reason == "query-limit" else "incomplete"
                missing = missing_from(code, f"page {len(pages) + 1} could not be read ({trouble})")
                break
            pages.append(page)
            if link is not None or len(pages) > 1:
                held.append(entries_of(page))
            url, missing, named = onward(self._base, call, url, link, seen, rebases=self._rebases)
            if named and not told:
                told = True
                self._tell(Rebased(request_id, call.target.partition("/")[0], named), turn)
        if missing is None and (several := [each for each in held if each is not None]):
            missing = _REPEATED if len(set(several)) < len(several) else None
        return Answer(call, tuple(pages), missing is None, () if missing is None else (missing,))

    async def _page(
        self, call: Call, url: URL, deadline: float, request_id: str, turn: Turn | None
    ) -> tuple[bytes, str | None]:
        if turn is not None and turn.budget is not None:
            turn.budget.open_page()
        # What was open a minute ago may be taken by now; HAPI, for one, answers out of a cache of searches.
        headers = {"Accept": "application/fhir+json", "Cache-Control": "no-cache", "X-Request-Id": request_id}
        request = Request("GET", url, call.target.partition("/")[0], headers, subject=call.subject)
        body = (await self._client.send(request, deadline=deadline, turn=turn)).body
        if len(body) > AT_ONCE_BYTES:
            async with self._looking:  # one long page in each round of the loop
                await asyncio.sleep(0)
        return body, next_link(body)

    def _tell(self, rebased: Rebased, turn: Turn | None) -> None:
        """Once for each query, of whose searches each may have such links."""
        budget = turn.budget if turn is not None else None
        if budget is None or not budget.rebased:
            self._rebased(rebased)
        if budget is not None:
            budget.rebased = True


_REPEATED = Issue(
    "incomplete",
    "Bundle.link",
    "a page holds what stands on another one; what should stand there instead is missing",
    "warning",
)


def issue_code(body: bytes) -> str | None:
    """The first ``OperationOutcome.issue.code``, if the body has one: of an error before those that only
    inform."""
    try:
        issues = _OUTCOME.decode(body).issue or []
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    coded = [each for each in issues if isinstance(each, dict) and isinstance(each.get("code"), str)]
    errors = [each for each in coded if str(each.get("severity")).lower() in ("error", "fatal")]
    return next((str(each["code"]) for each in (*errors, *coded)), None)
