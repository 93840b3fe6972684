"""A place among the workers has a process, or somebody who starts one, whatever the processes do."""

from __future__ import annotations

import asyncio
import errno
import io
import itertools
import json
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.cli.workers.counts import Counts
from gateway.cli.workers.place import Place
from gateway.cli.workers.process import Bounds, Order, Orders, State
from gateway.web.logging import configure

from .programs import BAD, GOOD, PRELUDE

PATIENT = Bounds(end=0.6, hurried=0.3, silence=30.0, start=30.0, last=0.3, pause=0.02, longest_pause=0.05)
# Only who is to run into a bound has a short one: this machine may be slow.
QUICK = {
    "start": replace(PATIENT, start=0.6),
    "silent": replace(PATIENT, silence=0.5),
    "drain": replace(PATIENT, silence=5.0),
    "deaf": replace(PATIENT, silence=1.0),
}


class Stage:
    """One place, the programs that are started in it one after the other, and what is said of them."""

    def __init__(self, programs: Iterable[str | Exception], bounds: Bounds, *, log: Any = None) -> None:
        self.started: list[Process] = []
        self.stop, self.hurry = asyncio.Event(), asyncio.Event()
        self.states: list[State] = []
        self.counts = Counts()
        self._programs = iter(programs)
        self._lines = io.BytesIO()
        self.orders = Orders(Order(b"what to serve" * 9, b"built", 8080))
        self.place = Place(
            "0",
            self.launch,
            orders=self.orders,
            bounds=bounds,
            log=log if log is not None else configure(self._lines),
            counts=self.counts,
            changed=lambda: self.states.append(self.place.state),
        )
        self.kept = asyncio.create_task(self.place.keep(self.stop, self.hurry))

    async def launch(self, descriptor: int) -> Process:
        program = next(self._programs)
        if isinstance(program, Exception):
            raise program
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-c", PRELUDE + program, str(descriptor)), pass_fds=(descriptor,)
        )
        self.started.append(process)
        return process

    def ends(self) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self._lines.getvalue().splitlines()]
        return [line for line in lines if "reason" in line]

    def restarts(self, reason: str) -> float:
        page = self.counts.exposition().decode()
        families = {each.name: each for each in text_string_to_metric_families(page)}
        counted = families["gateway_worker_restarts"].samples
        return sum(
            each.value
            for each in counted
            if each.name.endswith("_total") and each.labels == {"worker": "0", "reason": reason}
        )

    async def until(self, what: Callable[[], bool], seconds: float = 30.0) -> None:
        async with asyncio.timeout(seconds):
            while not what():
                assert not self.kept.done()
                await asyncio.sleep(0.01)

    async def ready(self, number: int) -> None:
        """The process of that number, or a later one, is ready."""
        await self.until(lambda: len(self.started) >= number and self.place.state is State.READY)

    async def end(self) -> bool:
        """In order. Whether one had to be killed; none is left in any case."""
        self.stop.set()
        async with asyncio.timeout(30):
            forced = await self.kept
        assert [each.returncode for each in self.started if each.returncode is None] == []
        return forced


@pytest.mark.parametrize("reason", dict.fromkeys(BAD.values()))
async def test_whatever_becomes_of_a_process_another_takes_its_place(reason: str) -> None:
    bounds = QUICK.get(reason, PATIENT)
    programs = [each for each, why in BAD.items() if why == reason]
    stages = [Stage(itertools.chain([each], itertools.repeat(GOOD)), bounds) for each in programs]
    await asyncio.gather(*(stage.ready(2) for stage in stages))
    for program, stage in zip(programs, stages, strict=True):
        first = stage.ends()[0]
        assert (first["event"], first["worker"], first["reason"]) == ("worker", "0", reason), program
        assert State.RESTARTING in stage.states
        assert stage.started[0].returncode is not None  # none is left behind
        assert stage.restarts(reason) >= 1
    await asyncio.gather(*(stage.end() for stage in stages))


async def test_all_of_them_one_after_the_other() -> None:
    quick = [each for each, reason in BAD.items() if reason not in QUICK]
    stage = Stage(itertools.chain(quick, reversed(quick), itertools.repeat(GOOD)), PATIENT)
    await stage.ready(2 * len(quick) + 1)
    assert [each["reason"] for each in stage.ends()][: len(quick)] == [BAD[each] for each in quick]
    await stage.end()


@pytest.mark.parametrize(
    "fault",
    [
        OSError(errno.EAGAIN, "no process"),
        OSError(errno.EMFILE, "no descriptor"),
        RuntimeError("of the loop"),
    ],
)
async def test_where_no_process_can_be_had_it_is_tried_again(fault: Exception) -> None:
    stage = Stage([fault, fault, GOOD], PATIENT)
    await stage.ready(1)
    assert [each["reason"] for each in stage.ends()] == ["spawn", "spawn"]
    assert stage.ends()[0].get("system") == getattr(fault, "strerror", None)
    assert "of the loop" not in str(stage.ends())
    assert await stage.end() is False


async def test_pauses_grow_up_to_a_bound_and_never_end_it() -> None:
    """Doubling a number for a day of failures is more than a number can hold."""
    faults = [OSError(errno.EAGAIN, "no")] * 1100
    stage = Stage(
        itertools.chain(faults, [GOOD]),
        Bounds(end=1, hurried=1, silence=30.0, pause=1e-9, longest_pause=1e-6),
    )
    await stage.ready(1)
    pauses = [each["restart_in_seconds"] for each in stage.ends()]
    assert (len(pauses), pauses[:3], pauses[-1]) == (1100, [1e-9, 2e-9, 4e-9], 1e-6)
    await stage.end()


async def test_a_log_or_a_listener_that_fails_costs_no_worker() -> None:
    class Broken:
        def __getattr__(self, _name: str) -> Any:
            raise BrokenPipeError

    stage = Stage(["sys.exit(1)", RuntimeError("x"), GOOD], PATIENT, log=Broken())
    await stage.ready(1)
    await stage.end()


async def test_a_slow_scrape_loses_nothing_and_late_answers_are_not_mixed_up() -> None:
    stage = Stage([f"begin(); serve(seconds={0.3})", GOOD], PATIENT)
    await stage.ready(1)
    assert await stage.place.metrics(0.01) == b""
    several = await asyncio.gather(*(stage.place.metrics(20) for _ in range(8)))
    assert len(set(several)) == 1
    number = int(several[0].split()[1])
    assert int((await stage.place.metrics(20)).split()[1]) > number
    assert (len(stage.started), stage.ends()) == (1, [])
    stage.started[0].kill()
    await stage.ready(2)
    assert (await stage.place.metrics(20)).startswith(b"counted")
    await stage.end()


async def test_what_keeps_a_worker_from_being_ready_is_told() -> None:
    stage = Stage(['begin(); serve(pulse=b\'{"reasons": ["it reads"]}\')'], PATIENT)
    await stage.until(lambda: stage.place.state is State.BLOCKED)
    assert stage.place.told == "not ready: it reads"
    await stage.end()


DEAF_TO_SIGNALS = "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32)); "


# What it does -> whether it has to be killed in the end.
ENDING = {
    GOOD: False,
    "time.sleep(99)": False,  # while it is being started
    "os.kill(os.getpid(), signal.SIGSTOP)": True,
    "begin(); os.kill(os.getpid(), signal.SIGSTOP)": True,
    DEAF_TO_SIGNALS + GOOD: True,
    DEAF_TO_SIGNALS + "begin(); line.close(); time.sleep(99)": True,
    "sys.exit(1)": False,  # between two of them
}


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("hurry", [False, True])
async def test_it_ends_within_its_bounds(begun: bool, hurry: bool) -> None:
    stages = [Stage(itertools.repeat(program), replace(PATIENT, last=5.0)) for program in ENDING]
    for program, stage in zip(ENDING, stages, strict=True):
        if begun:
            awaited = "begin" in program and "line.close" not in program
            await (stage.ready(1) if awaited else stage.until(lambda stage=stage: bool(stage.started)))
    if begun:
        await asyncio.sleep(0.4)
    for stage in stages:
        if hurry:
            stage.hurry.set()
    forced = await asyncio.gather(*(stage.end() for stage in stages))
    if begun:  # one that is hardly there may still be ended by any signal
        assert dict(zip(ENDING, forced, strict=True)) == ENDING


async def test_a_silent_one_is_not_waited_for_in_the_end() -> None:
    bounds = Bounds(end=600, hurried=600, silence=1.0, last=0.3)
    stage = Stage(["begin(); answer(); os.kill(os.getpid(), signal.SIGSTOP)"], bounds)
    await stage.ready(1)
    assert await stage.end() is True


async def test_the_end_waits_for_a_process_that_is_just_being_started() -> None:
    stage = Stage([GOOD], PATIENT)
    launch, begun, go = stage.launch, asyncio.Event(), asyncio.Event()

    async def slow(descriptor: int) -> Process:
        begun.set()
        await go.wait()
        return await launch(descriptor)

    stage.place._launch = slow
    await begun.wait()
    stage.stop.set()
    go.set()
    assert await stage.end() is False
    assert len(stage.started) == 1


async def test_a_worker_prepares_and_switches() -> None:
    stage = Stage([GOOD], PATIENT)
    assert not stage.place.serving
    assert await stage.place.prepare(b"too early", 30) is None
    await stage.place.switch(30)  # says nothing to one that would not understand
    stage.place.drop()
    await stage.ready(1)
    assert stage.place.serving
    assert (await stage.place.prepare(b"other tables" * 9, 30) or b"").startswith(b"counted ")
    await stage.end()


async def test_a_worker_that_dies_while_it_prepares_has_not() -> None:
    program = "begin()\nwhile True:\n    kind, number, _ = take()\n    if kind == b'N': os._exit(1)\n"
    stage = Stage([f"{program}    say(kind, b'{{}}', number)\n", GOOD], PATIENT)
    await stage.ready(1)
    assert await stage.place.prepare(b"other tables", 30) is None
    await stage.ready(2)
    assert await stage.place.prepare(b"other tables", 30) is not None
    await stage.end()


async def test_one_that_is_slow_to_prepare_is_not_asked_twice() -> None:
    program = (
        "begin()\nwhile True:\n    kind, number, _ = take()\n    if kind != b'N': say(kind, b'{}', number)\n"
    )
    stage = Stage([program], PATIENT)
    await stage.ready(1)
    assert await stage.place.prepare(b"other tables", 0.05) is None
    assert await stage.place.prepare(b"yet others", 30) is None
    await stage.end()


async def test_no_worker_begins_to_serve_what_is_not_in_force_any_more() -> None:
    first = "take(); say(b'B', b'built'); assert take()[2] == b'new'; say(b'B', b'other'); "
    program = f"{first}take(); say(b'R'); serve()"
    stage = Stage([program], PATIENT)
    async with stage.orders.changing:
        await asyncio.sleep(0.5)
        assert not stage.place.serving
        stage.orders.order = Order(b"new", b"other", 8080)
    await stage.ready(1)
    assert stage.place.serving
    assert stage.ends() == []
    await stage.end()
