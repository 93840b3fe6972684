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


def ask(breaker: Breaker, subject: str, *verdicts: bool | None, whole: bool = False) -> None:
    for verdict in verdicts:
        with breaker.enter(subject) as passage:
            passage.down, passage.whole = verdict, whole


def goes(breaker: Breaker, *subjects: str) -> list[bool]:
    """Which of the subjects may be asked now."""
    found = []
    for subject in subjects:
        try:
            breaker.check(subject)
        except Trouble:
            found.append(False)
        else:
            found.append(True)
    return found


@pytest.mark.parametrize("good", [1, 6])
@pytest.mark.parametrize("asked", ["with the others", "alone"])
def test_one_bad_schedule_closes_nobody_else(clock: Clock, good: int, asked: str) -> None:
    it, others = breaker(clock), [f"good-{number}" for number in range(good)]
    for second in range(300):
        clock.now += 1.0
        for subject in ["bad", *(others if asked == "with the others" or second % 100 == 0 else ())]:
            assert subject == "bad" or goes(it, subject) == [True]
            if goes(it, subject) == [True]:
                ask(it, subject, subject == "bad")
    assert goes(it, "bad", *others, "new") == [False, *([True] * good), True]
    assert it.set_aside == 1


def test_a_subject_that_keeps_failing_is_asked_again_now_and_then(clock: Clock) -> None:
    it = breaker(clock)
    ask(it, "good", False)
    ask(it, "bad", True, True, True)
    assert (goes(it, "bad", "good"), it.state, it.set_aside) == ([False, True], "closed", 1)
    clock.now += 5.0
    with it.enter("bad") as probe:
        assert goes(it, "bad", "good") == [False, True]
        probe.down = True
    assert goes(it, "bad") == [False]
    clock.now += 5.0
    ask(it, "bad", False)
    assert (goes(it, "bad"), it.set_aside) == ([True], 0)


@pytest.mark.parametrize("schedules", [2, 3, 7])
def test_it_opens_when_all_that_is_asked_fails(clock: Clock, schedules: int) -> None:
    it = breaker(clock)
    for number in range(schedules):
        ask(it, str(number), False)
    for _ in range(2):
        for number in range(schedules):
            if goes(it, str(number)) == [True]:
                ask(it, str(number), True)
    assert goes(it, "0", "another") == [False, False]
    assert it.state == "open"


def test_failures_of_the_whole_upstream_count_whoever_was_asked_about(clock: Clock) -> None:
    it = breaker(clock)
    ask(it, "one", True, True, True, whole=True)
    assert goes(it, "one", "another") == [False, False]


def test_half_open_does_not_believe_the_probe_of_one_subject(clock: Clock) -> None:
    it = breaker(clock)
    for subject in "abc":
        ask(it, subject, True)
    assert it.state == "open"
    clock.now += 5.0
    ask(it, "a", True)
    assert (it.state, goes(it, "a", "b")) == ("half-open", [False, True])
    ask(it, "b", False)
    assert (it.state, goes(it, "a", "b", "c", "d")) == ("closed", [False, True, True, True])


def test_half_open_closes_again_when_several_probes_fail(clock: Clock) -> None:
    it = breaker(clock)
    for subject in "abc":
        ask(it, subject, True)
    clock.now += 5.0
    for subject in "abc":
        ask(it, subject, True)
    assert (it.state, goes(it, "d")) == ("open", [False])


def test_failures_long_ago_are_no_row(clock: Clock) -> None:
    it = breaker(clock)
    for _ in range(6):
        report(it, True)
        clock.now += 61.0
    assert it.state == "closed"


def test_it_tells_why_it_opened(clock: Clock) -> None:
    it = breaker(clock)
    for _ in range(3):
        with it.enter() as passage:
            passage.verdict(Trouble("connect", down=True, whole=True, reason="certificate-expired"))
    with pytest.raises(Trouble) as raised:
        it.enter()
    assert raised.value.reason == "certificate-expired"


def test_it_knows_so_many_subjects_and_no_more(clock: Clock) -> None:
    it = breaker(clock)
    for number in range(2000):
        ask(it, str(number), False)
    assert len(vars(it)["_subjects"]) <= 512
