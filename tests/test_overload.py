"""More asked than an EHR can answer, in simulated time: what is answered, what is refused, and how soon."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.core.plan import Answer, Ask, Call, Failure, Flow, Outcome, Reply
from gateway.service import Service
from gateway.upstream import resilient
from gateway.upstream.common import Common
from gateway.upstream.exchange import Request, Response
from gateway.upstream.fhir_client import FhirClient
from gateway.upstream.interface import ClientSettings, UpstreamEvent
from gateway.upstream.surroundings import Surroundings

from .simulated import simulate

DEADLINE = 5.0
SERVICE_SECONDS = 0.5
PLACES = 20
CAPACITY = PLACES / SERVICE_SECONDS  # calls a second


@dataclass
class Ehr:
    """Takes its time for each call; no more than it is asked to has ever to be done at a time."""

    seconds: Callable[[], float] = lambda: SERVICE_SECONDS
    running: int = 0
    most: int = 0

    async def __call__(
        self, _session: Any, _request: Request, _wire: Any, *, token: str | None = None, budget: Any = None
    ) -> Response:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.seconds())
        finally:
            self.running -= 1
        return Response(200, b"{}", None)


@dataclass
class Site:
    """A client of the EHR, and what became of its queries: (when it came, seconds, kind or "ok" or
    "part")."""

    common: Common | None = None
    places: int = PLACES
    events: list[UpstreamEvent] = field(default_factory=list)
    ended: list[tuple[float, float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.service = Service()
        self.client = FhirClient(
            ClientSettings(base_url="http://ehr.test/fhir", max_concurrency=self.places),
            credentials=None,
            around=Surroundings(
                session=lambda: None,  # type: ignore[arg-type, return-value]
                common=self.common,
                observe=self.events.append,
                clock=loop.time,
            ),
        )
        self._number = 0

    async def query(self, calls: int = 1, *, deadline: float = DEADLINE) -> str:
        loop = asyncio.get_running_loop()
        came = loop.time()
        self._number += 1
        asked = [Call("Slot", (("n", f"{self._number}-{each}"),), subject=str(each)) for each in range(calls)]
        await self.service.run(
            _asking(asked, outcomes := []),
            self.client,
            site="s",
            request_id="r",
            deadline_seconds=deadline,
            state_version="1",
        )
        kinds = [each.kind for each in outcomes if isinstance(each, Failure)]
        said = "ok" if not kinds else "part" if len(kinds) < len(outcomes) else kinds[0]
        self.ended.append((came, loop.time() - came, said))
        return said

    async def offered(self, rate: float, seconds: float, calls: int = 1, seed: int = 1) -> None:
        """Queries come at random, so many a second on average, whether or not others have ended."""
        chance = random.Random(seed)
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        tasks = []
        while loop.time() < end:
            tasks.append(loop.create_task(self.query(calls)))
            await asyncio.sleep(chance.expovariate(rate))
        await asyncio.gather(*tasks)

    def count(self, said: str, since: float = 0.0, until: float = float("inf")) -> int:
        """How many queries ended so, by when they did."""
        return sum(each[2] == said and since <= each[0] + each[1] < until for each in self.ended)


def _asking(calls: list[Call], into: list[Outcome]) -> Flow:
    into.extend((yield Ask("slots", tuple(calls))))
    return Reply(200, b"", "t")


@pytest.fixture
def ehr(monkeypatch: pytest.MonkeyPatch) -> Ehr:
    ehr = Ehr()
    monkeypatch.setattr(resilient, "exchange", ehr)
    return ehr


@pytest.mark.parametrize("calls", [1, 7])
@pytest.mark.parametrize("times", [1.5, 3.0, 10.0])
@pytest.mark.parametrize("spread", [0.0, 0.4])
def test_goodput_stays_however_much_is_asked(ehr: Ehr, calls: int, times: float, spread: float) -> None:
    chance = random.Random(7)
    ehr.seconds = lambda: SERVICE_SECONDS + spread * (chance.random() * 2 - 1)

    async def main() -> None:
        site = Site()
        begun = asyncio.get_running_loop().time()
        await site.offered(times * CAPACITY / calls, 60.0, calls)
        for second in range(10, 60, 10):
            good = site.count("ok", begun + second, begun + second + 10) / 10
            assert good >= 0.9 * CAPACITY / calls, f"{good} queries a second from second {second}"
        assert ehr.most == PLACES
        assert site.client.state == "closed"
        said = Counter(each[2] for each in site.ended)
        assert set(said) <= {"ok", "overloaded", "part", "deadline"}
        wasted = said["part"] + said["deadline"]
        assert wasted <= 0.02 * said["ok"], "what is begun is also ended"
        late = sum(seconds > 0.05 for _, seconds, what in site.ended if what == "overloaded")
        assert late <= 0.02 * said["overloaded"], "who is refused is told at once"

    simulate(main())


def test_a_burst_that_can_be_answered_is(ehr: Ehr) -> None:
    async def main() -> None:
        site = Site()
        await asyncio.gather(*(site.query() for _ in range(PLACES)))
        said = await asyncio.gather(*(site.query() for _ in range(120)))
        assert set(said) == {"ok"}, "120 calls are three seconds of work, and five are there for them"

    simulate(main())


def test_nobody_is_refused_who_need_not_wait(ehr: Ehr) -> None:
    ehr.seconds = lambda: 4.0  # of 4.5

    async def main() -> None:
        site = Site()
        for _ in range(3):
            assert await asyncio.gather(*(site.query(7) for _ in range(2))) == ["ok", "ok"]
        assert await site.query(50) == "part", "more than it has time for: what can be had is"

    simulate(main())


def test_what_waited_too_long_is_no_failure_of_the_upstream(ehr: Ehr) -> None:
    async def main() -> None:
        site = Site(places=2)
        await site.query()
        ehr.seconds = lambda: 4.0  # all at once eight times as slow: those who wait are out of time
        said = await asyncio.gather(*(site.query() for _ in range(8)))
        # Two were begun when nobody could know yet: that they had too little time is not held against it.
        assert Counter(said) == {"ok": 2, "overloaded": 4, "deadline": 2}
        assert all(seconds < DEADLINE for _, seconds, _ in site.ended)
        assert {(e.outcome, e.reason) for e in site.events if e.attempt == 0} == {("overloaded", "queue")}
        assert site.client.state == "closed"
        assert site.client.standing.waiting == site.client.standing.running == 0

    simulate(main())


def test_an_upstream_that_hangs_is_soon_refused_and_soon_used_again(ehr: Ehr) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        site, begun = Site(), loop.time()
        loop.call_at(begun + 10, setattr, ehr, "seconds", lambda: 1000.0)
        loop.call_at(begun + 40, setattr, ehr, "seconds", lambda: SERVICE_SECONDS)
        await site.offered(2 * CAPACITY, 60.0)
        assert site.count("ok", begun, begun + 10) >= 350
        assert site.count("ok", begun + 50, begun + 60) >= 350
        asked = [each for each in site.events if each.attempt and each.outcome == "deadline"]
        assert 5 <= len(asked) <= 30 + PLACES, "the breaker spared it"
        waited = [seconds for came, seconds, _ in site.ended if begun + 15 <= came < begun + 39]
        assert sum(seconds > 0.05 for seconds in waited) <= 10, "only the probes wait"

    simulate(main())


def test_a_query_that_is_half_answered_goes_before_those_that_came_later(ehr: Ehr) -> None:
    def two_stages(into: list[Outcome]) -> Flow:
        for stage in ("first", "second", "third"):
            into.extend((yield Ask(stage, (Call("Slot", (("n", stage),)),))))
        return Reply(200, b"", "t")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        site, outcomes, begun = Site(places=1), [], loop.time()
        await site.query()
        early = loop.create_task(
            site.service.run(
                two_stages(outcomes),
                site.client,
                site="s",
                request_id="r",
                deadline_seconds=5.0,
                state_version="1",
            )
        )
        await asyncio.sleep(0.1)
        later = [loop.create_task(site.query()) for _ in range(6)]
        await early
        assert [type(each) for each in outcomes] == [Answer] * 3
        assert loop.time() - begun == pytest.approx(SERVICE_SECONDS * 6), "one at most, each time"
        await asyncio.gather(*later)

    simulate(main())


def test_a_calm_site_does_not_wait_for_thirty_that_hang(ehr: Ehr) -> None:
    async def main() -> None:
        loop, common = asyncio.get_running_loop(), Common()
        noisy = [Site(common=common, places=40) for _ in range(30)]
        calm = Site(common=common)
        ehr.seconds = lambda: 1000.0
        hanging = [loop.create_task(each.query(deadline=25.0)) for each in noisy for _ in range(60)]
        await asyncio.sleep(1.0)
        assert ehr.running <= 512
        assert ehr.running > 400, "and what nobody needs is used"
        ehr.seconds = lambda: 0.1
        assert set(await asyncio.gather(*(calm.query() for _ in range(8)))) == {"ok"}
        assert max(seconds for _, seconds, _ in calm.ended) < 0.2
        await asyncio.gather(*hanging)
        assert ehr.running == 0
        assert {await each.query() for each in (*noisy, calm)} <= {"ok", "breaker"}

    simulate(main())


def test_a_site_alone_has_all_that_its_settings_give_it(ehr: Ehr) -> None:
    async def main() -> None:
        common = Common()
        sites = [Site(common=common, places=300) for _ in range(3)]
        await asyncio.gather(*(sites[0].query() for _ in range(290)))
        assert ehr.most == 290
        said = await asyncio.gather(*(site.query() for site in sites for _ in range(290)))
        assert ehr.most <= 512
        assert Counter(said)["ok"] == len(said), "who waits for the others goes on when they have ended"

    simulate(main())
