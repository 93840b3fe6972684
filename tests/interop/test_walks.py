"""Pages of one search ask Redox once, within a minute, and nobody is told what another's search has found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.interop import neighbours
from tests.interop.neighbours import BEARER, OTHER_BEARER
from tests.interop.running import NOW, Gateway, Handler, Json, serving

ASKED = "Slot?start=ge2025-10-22T00:00:00-07:00&start=lt2025-10-23T00:00:00-07:00&_count=20"


@dataclass
class Walked:
    """A gateway, how often its Redox has been asked, and what time it is."""

    queries: list[str] = field(default_factory=list)
    now: datetime = NOW
    gateway: Gateway | None = None
    issuer: str = ""

    async def ask(self, url: str, token: str = BEARER) -> tuple[Json, int]:
        """A page, and how many queries it took."""
        assert self.gateway is not None
        before = len(self.queries)
        whole = url if "://" in url else f"{self.gateway.url}/fhir/partner/{url}"
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
            session.get(whole) as response,
        ):
            body: Json = await response.json(content_type=None)
            assert response.status == 200, body
        return body, len(self.queries) - before


@asynccontextmanager
async def walked(folder: Path) -> AsyncIterator[Walked]:
    found = Walked()

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/endpoint":
            found.queries.append(request.path)
        return await handler(request)

    network = neighbours.redox_network()
    network.middlewares.append(count)
    async with (
        serving(network) as redox,
        serving(neighbours.issuer()) as found.issuer,
        neighbours.partner(folder, redox, found.issuer, lambda: found.now) as found.gateway,
    ):
        yield found


def following(page: Json) -> str | None:
    return next((each["url"] for each in page["link"] if each["relation"] == "next"), None)


async def test_the_pages_of_one_walk_ask_redox_once(tmp_path: Path) -> None:
    async with walked(tmp_path) as found:
        whole, _ = await found.ask(ASKED.replace("&_count=20", ""))
        page, asked = await found.ask(ASKED)
        ids = [each["resource"]["id"] for each in page["entry"]]
        assert (asked, len(page["entry"])) == (1, 20)
        while (url := following(page)) is not None:
            page, asked = await found.ask(url)
            assert asked == 0
            ids += [each["resource"]["id"] for each in page["entry"]]
        assert ids == [each["resource"]["id"] for each in whole["entry"]] and len(ids) > 40
        # A search that begins anew wants to know what is open now.
        assert (await found.ask(ASKED))[1] == 1


async def test_nobody_is_told_what_another_search_has_found(tmp_path: Path) -> None:
    async with walked(tmp_path) as found:
        page, _ = await found.ask(ASKED)
        url = following(page) or ""
        assert (await found.ask(url))[1] == 0
        assert (await found.ask(url, OTHER_BEARER))[1] == 1
        assert (await found.ask(url, OTHER_BEARER))[1] == 0, "that page was the beginning of its own walk"
        # Another search, though it finds the same.
        assert (await found.ask(url.replace("/Slot?", "/Slot?status=free&")))[1] == 1


async def test_tokens_that_do_not_say_whose_they_are_share_nothing(tmp_path: Path) -> None:
    async with walked(tmp_path) as found, aiohttp.ClientSession() as session:
        async with session.post(f"{found.issuer}/token") as response:
            token = (await response.json())["access_token"]
        page, _ = await found.ask(ASKED, token)
        assert (await found.ask(following(page) or "", token))[1] == 1


async def test_what_was_found_is_soon_forgotten(tmp_path: Path) -> None:
    async with walked(tmp_path) as found:
        page, _ = await found.ask(ASKED)
        url = following(page) or ""
        found.now += timedelta(seconds=59)
        assert (await found.ask(url))[1] == 0
        found.now += timedelta(seconds=1)
        again, asked = await found.ask(url)
        assert asked == 1
        assert again["entry"][0]["resource"]["id"] not in {each["resource"]["id"] for each in page["entry"]}
