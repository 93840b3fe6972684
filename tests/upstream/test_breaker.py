from __future__ import annotations

import pytest

from gateway.upstream.breaker import Breaker
from gateway.upstream.trouble import Trouble

from .conftest import Clock


def breaker(clock: Clock) -> Breaker:
    return Breaker(failures=3, seconds=5.0, clock=clock)


def report(breaker: Breaker, *verdicts: bool | None) -> None:
    for verdict in verdicts:
        with breaker.enter() as passage:
            passage.down = verdict


def refusal(breaker: Breaker) -> float | None:
    with pytest.raises(Trouble) as raised:
        breaker.enter()
    assert raised.value.kind == "breaker"
    return raised.value.retry_after


def test_only_failures_in_a_row_open_it(clock: Clock) -> None:
    it = breaker(clock)
    report(it, True, True, False, True, None, True)
    assert it.state == "closed"
    report(it, True)
    assert it.state == "open"
    clock.now += 1.5
    assert refusal(it) == 3.5


def test_half_open_lets_one_probe_through_and_its_success_closes(clock: Clock) -> None:
    it = breaker(clock)
    report(it, True, True, True)
    clock.now += 5.0
    assert it.state == "half-open"
    with it.enter() as probe:
        assert refusal(it) == 1.0
        probe.down = False
    assert it.state == "closed"
    report(it, True, True)
    assert it.state == "closed", "the count begins anew"


def test_a_probe_that_fails_opens_it_anew(clock: Clock) -> None:
    it = breaker(clock)
    report(it, True, True, True)
    clock.now += 6.0
    report(it, True)
    assert it.state == "open"
    assert refusal(it) == 5.0


def test_a_probe_without_a_verdict_leaves_its_place(clock: Clock) -> None:
    it = breaker(clock)
    report(it, True, True, True)
    clock.now += 5.0
    with pytest.raises(KeyboardInterrupt), it.enter():
        raise KeyboardInterrupt
    assert it.state == "half-open"
    report(it, False)
    assert it.state == "closed"


def test_what_began_before_it_opened_has_no_say(clock: Clock) -> None:
    it = breaker(clock)
    early, late = it.enter(), it.enter()
    report(it, True, True, True)
    early.down = False
    early.__exit__(None, None, None)
    assert it.state == "open"
    clock.now += 5.0
    with it.enter() as probe:
        late.down = True
        late.__exit__(None, None, None)
        probe.down = False
    assert it.state == "closed"


def test_stragglers_do_not_keep_it_open(clock: Clock) -> None:
    it = breaker(clock)
    stragglers = [it.enter() for _ in range(3)]
    report(it, True, True, True)
    clock.now += 2.0
    for passage in stragglers:
        passage.down = True
        passage.__exit__(None, None, None)
    assert refusal(it) == 3.0
