"""Retries, token renewal, breaker, concurrency and deadline, seen through a FhirClient."""

from __future__ import annotations

import asyncio
import time

import pytest
from aiohttp import web

from gateway.core.plan import Answer, Call, Failure

from .conftest import Bench, Clock, MakeBench, Script, Step, answer, broken, bundle


def outcomes(bench: Bench, target: str = "Slot") -> list[tuple[str, int | None, int]]:
    return [(e.outcome, e.status, e.attempt) for e in bench.events if e.target == target]


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        (answer(status=500), ("status", 500)),
        (answer(status=502), ("status", 502)),
        (answer(status=503), ("overloaded", 503)),
        (answer(status=504), ("status", 504)),
        (answer(status=429), ("overloaded", 429)),
        (broken(abort=True), ("connect", None)),
        (broken(sent=b"{", abort=False), ("protocol", None)),
    ],
)
async def test_passing_trouble_is_met_by_asking_again(
    script: Script, make: MakeBench, step: Step, outcome: tuple[str, int | None]
) -> None:
    bench = make()
    script.steps = [step, step]
    assert isinstance(await bench.call(), Answer)
    assert outcomes(bench) == [(*outcome, 1), (*outcome, 2), ("ok", 200, 3)]
    script.always = step
    failure = await bench.call()
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.status) == outcome
    assert len(script.seen) == 6


@pytest.mark.parametrize("status", [400, 403, 404, 422, 501])
async def test_other_trouble_is_not(script: Script, make: MakeBench, status: int) -> None:
    script.always = answer(status=status)
    assert isinstance(await make().call(), Failure)
    assert len(script.seen) == 1


async def test_a_port_that_is_closed(make: MakeBench, unused_tcp_port: int) -> None:
    bench = make(base_url=f"http://127.0.0.1:{unused_tcp_port}")
    assert await bench.call() == Failure(Call("Slot"), "connect", reason="refused")
    assert outcomes(bench) == [("connect", None, n) for n in (1, 2, 3)]


async def test_retry_after_is_honoured(script: Script, make: MakeBench) -> None:
    script.steps = [answer(status=429, headers={"Retry-After": "1"})]
    started = time.monotonic()
    assert isinstance(await make().call(), Answer)
    assert 1.0 <= time.monotonic() - started < 2.0


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("header", ["60", "Tue, 21 Oct 2025 19:01:00 GMT"])
async def test_a_retry_after_beyond_the_deadline_fails_at_once(
    script: Script, make: MakeBench, status: int, header: str
) -> None:
    script.steps = [answer(status=status, headers={"Retry-After": header})]
    bench = make(surroundings={"wall_clock": lambda: 1_761_073_200.0})
    started = time.monotonic()
    assert await bench.call(within=2.0) == Failure(
        Call("Slot"), "overloaded", status=status, retry_after=60.0
    )
    assert time.monotonic() - started < 0.5
    assert len(script.seen) == 1


async def test_a_wait_that_does_not_fit_is_not_begun(script: Script, make: MakeBench) -> None:
    script.always = answer(status=500)
    bench = make(backoff_seconds=30.0, backoff_cap_seconds=30.0, surroundings={"chance": lambda: 0.5})
    assert await bench.call(within=1.0) == Failure(Call("Slot"), "status", status=500)
    assert len(script.seen) == 1


async def test_a_401_renews_the_token_once(script: Script, make: MakeBench) -> None:
    bench = make()
    script.steps = [answer(status=401)]
    assert isinstance(await bench.call(), Answer)
    assert script.bearers == ["Bearer token-1", "Bearer token-2"]
    script.always = answer({"issue": [{"code": "unknown"}]}, status=401)
    assert await bench.call() == Failure(Call("Slot"), "unauthorized", status=401, code="unknown")
    assert script.bearers[2:] == ["Bearer token-2", "Bearer token-3"]


async def test_many_401s_at_once_make_one_renewal(script: Script, make: MakeBench) -> None:
    async def only_the_second(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.01)
        good = request.headers["Authorization"] == "Bearer token-2"
        return web.json_response(bundle(), status=200 if good else 401)

    script.always = only_the_second
    bench = make()
    got = await asyncio.gather(*(bench.call() for _ in range(10)))
    assert all(isinstance(outcome, Answer) for outcome in got)
    assert script.tokens == 2


@pytest.mark.parametrize(
    ("step", "failure"),
    [
        (answer({"error": "invalid_client"}, status=400), ("unauthorized", 400, "invalid_client")),
        (answer(status=500), ("status", 500, None)),
        (broken(abort=True), ("connect", None, None)),
    ],
)
async def test_without_a_token_nothing_is_sent(
    script: Script, make: MakeBench, step: Step, failure: tuple[str, int | None, str | None]
) -> None:
    bench = make(breaker_failures=1)
    script.token_steps = [step]
    outcome = await bench.call()
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.status, outcome.code) == failure
    assert script.seen == []
    assert bench.client.state == "closed", "the upstream itself did nothing wrong"


async def test_the_deadline_holds(script: Script, make: MakeBench) -> None:
    bench = make(breaker_failures=1)
    script.always = answer(delay=5.0)
    started = time.monotonic()
    assert await bench.call(within=0.1) == Failure(Call("Slot"), "deadline")
    assert time.monotonic() - started < 0.5
    assert outcomes(bench) == [("deadline", None, 1)]
    assert bench.client.state == "open", "time that ran out on the wire is a failure of the upstream"
    assert await make().call(within=0.0) == Failure(Call("Slot"), "deadline")


async def test_the_deadline_holds_while_waiting_for_a_token(script: Script, make: MakeBench) -> None:
    script.token_steps = [answer({"access_token": "late"}, delay=0.2)]
    bench = make(breaker_failures=1)
    late = "the token endpoint has not answered in time"
    assert await bench.call(within=0.1) == Failure(Call("Slot"), "deadline", token=late)
    assert bench.client.state == "closed"
    assert isinstance(await bench.call(), Answer)
    assert script.tokens == 1, "the renewal went on for the next"


async def test_the_deadline_holds_while_waiting_for_a_place(script: Script, make: MakeBench) -> None:
    running = most = 0

    async def slow(_request: web.Request) -> web.StreamResponse:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.1)
        running -= 1
        return web.json_response(bundle())

    script.always = slow
    bench = make(max_concurrency=3)
    got = await asyncio.gather(*(bench.call(within=0.35) for _ in range(15)))
    assert most == 3
    failures = [outcome for outcome in got if isinstance(outcome, Failure)]
    assert failures
    assert "overloaded" in {failure.kind for failure in failures}
    assert bench.client.state == "closed", "that we let them wait is nothing that the upstream did"
    assert len(script.seen) <= 12


async def test_cancellation_passes_through_and_frees_the_place(script: Script, make: MakeBench) -> None:
    bench = make(max_concurrency=1, breaker_failures=1)
    script.steps = [answer(bundle(), delay=5.0)]
    task = asyncio.create_task(bench.call())
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert outcomes(bench) == [("cancelled", None, 1)]
    assert bench.client.state == "closed"
    assert isinstance(await bench.call(), Answer)


async def test_the_breaker_opens_probes_and_closes(script: Script, make: MakeBench, clock: Clock) -> None:
    bench = make(surroundings={"clock": clock})
    script.always = answer(status=500)
    for _ in range(5):
        await bench.call()
    assert bench.client.state == "open"
    seen = len(script.seen)
    clock.now += 1.0
    assert await bench.call() == Failure(Call("Slot"), "breaker", retry_after=4.0)
    assert outcomes(bench)[-1] == ("breaker", None, 0)
    assert len(script.seen) == seen
    clock.now += 4.0
    assert bench.client.state == "half-open"
    await bench.call()
    assert len(script.seen) == seen + 1, "the probe is one request: it is not repeated"
    assert bench.client.state == "open"
    clock.now += 5.0
    script.always = answer(bundle(), delay=0.05)
    got = await asyncio.gather(*(bench.call() for _ in range(5)))
    assert [type(outcome).__name__ for outcome in got].count("Answer") == 1
    assert {outcome.kind for outcome in got if isinstance(outcome, Failure)} == {"breaker"}
    assert bench.client.state == "closed"
    assert isinstance(await bench.call(), Answer)


async def test_a_cancelled_probe_does_not_block_the_next(
    script: Script, make: MakeBench, clock: Clock
) -> None:
    bench = make(breaker_failures=1, surroundings={"clock": clock})
    script.steps = [answer(status=500)] * 3 + [answer(bundle(), delay=5.0)]
    await bench.call()
    clock.now += 5.0
    probe = asyncio.create_task(bench.call())
    await asyncio.sleep(0.05)
    probe.cancel()
    await asyncio.wait({probe})
    assert bench.client.state == "half-open"
    assert isinstance(await bench.call(), Answer)
    assert bench.client.state == "closed"


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_refusal_does_not_open_the_breaker(script: Script, make: MakeBench, status: int) -> None:
    bench = make(breaker_failures=1)
    script.always = answer(status=status)
    for _ in range(3):
        await bench.call()
    assert bench.client.state == "closed"


async def test_a_hiccup_under_load_does_not_open_the_breaker(script: Script, make: MakeBench) -> None:
    bench = make()
    script.steps = [answer(status=503)] * 20
    got = await asyncio.gather(*(bench.call() for _ in range(20)))
    assert [type(outcome).__name__ for outcome in got] == ["Answer"] * 20
    assert bench.client.state == "closed"


async def test_once_it_is_open_the_others_stop_asking(script: Script, make: MakeBench) -> None:
    bench = make(
        breaker_failures=1,
        backoff_seconds=0.2,
        backoff_cap_seconds=0.2,
        surroundings={"chance": lambda: 1.0},
    )
    script.always = answer({"issue": [{"code": "exception"}]}, status=500)
    # The last has no time for a second attempt: its failure opens the breaker while the others wait.
    got = await asyncio.gather(*(bench.call() for _ in range(4)), bench.call(within=0.15))
    assert got == [Failure(Call("Slot"), "status", status=500, code="exception")] * 5
    assert bench.client.state == "open"
    assert len(script.seen) == 5


async def test_a_caller_who_cancels_at_the_deadline_does_not_hide_the_failure(
    script: Script, make: MakeBench
) -> None:
    bench = make(breaker_failures=1)
    script.always = answer(delay=5.0)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 0.1
    task = asyncio.create_task(bench.client.call(Call("Slot"), deadline=deadline, request_id="req-1"))
    loop.call_at(deadline, task.cancel)
    await asyncio.wait({task})
    assert bench.client.state == "open"
    assert outcomes(bench) == [("deadline", None, 1)]


async def test_the_secret_and_the_token_are_never_shown(script: Script, make: MakeBench) -> None:
    bench = make()
    script.steps = [answer(status=401), answer(status=401)]
    shown = f"{await bench.call()!r} {bench.events!r} {bench.client!r} {vars(bench.client)!r}"
    assert "hush" not in shown
    assert "token-" not in shown
