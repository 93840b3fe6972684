"""Messages are read without keeping others waiting: in pieces, in turns, and explained in a thread."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from gateway.assemble.reading import MessageReading
from gateway.core.envelope import Envelope, opened
from gateway.core.errors import InvalidMessage
from gateway.core.redox import Message, RefusedMessage
from gateway.core.values import at_once
from tests import clinic

WHO = {"ID": True, "IDType": "NPI", "FirstName": "A", "LastName": "B", "Credentials": []}
MANY = {"Reasons": ["a"] * 99 + [[]], "AttendingProviders": [WHO] * 100}


def body(**changed: Any) -> bytes:
    return json.dumps({**clinic.sample(), **changed}).encode()


LONG = body(Patient={"Notes": ["n" * 3_000_000]})


def as_it_is(error: InvalidMessage) -> InvalidMessage:
    return error


class Seen:
    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def read(self, reading: MessageReading, text: bytes, whole: Any = as_it_is) -> Message:
        return await reading.read(text, self.envelopes.append, whole)


@pytest.fixture
def reading() -> MessageReading:
    return MessageReading(clinic.reader())


async def test_short_and_long_messages_are_read(reading: MessageReading) -> None:
    seen = Seen()
    assert (await seen.read(reading, body())).meta == clinic.sample()["Meta"]
    assert len((await seen.read(reading, LONG)).body.Patient.Notes[0]) == 3_000_000
    assert [each.request_id for each in seen.envelopes] == ["d9f5d293-7110-461e-a875-3beb089e79f3"] * 2
    assert all(json.loads(each.echoed or b"") == {"Meta": clinic.sample()["Meta"]} for each in seen.envelopes)


async def test_others_get_on_while_a_long_message_is_read(reading: MessageReading) -> None:
    rounds = 0

    async def count() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await Seen().read(reading, body())
    assert rounds == 0  # a short one is read at once
    await Seen().read(reading, LONG)
    counting.cancel()
    assert rounds > 5


@pytest.mark.parametrize(
    "visit",
    [
        {"AttendingProviders": [{"ID": str(number)} for number in range(100)], "Reasons": ["a"] * 100},
        {"Reasons": [[]] * 90},
    ],
)
async def test_those_that_come_together_are_not_all_read_in_one_round(
    reading: MessageReading, visit: dict[str, Any]
) -> None:
    rounds: list[int] = []
    now = 0

    async def count() -> None:
        nonlocal now
        while True:
            now += 1
            await asyncio.sleep(0)

    async def one() -> None:
        try:
            await Seen().read(reading, body(Visit=visit))
        except InvalidMessage as error:
            assert len(error.issues) == 90
        rounds.append(now)

    counting = asyncio.create_task(count())
    await asyncio.gather(*(one() for _ in range(20)))
    counting.cancel()
    assert len(set(rounds)) == 20


async def test_long_messages_are_read_one_after_the_other(reading: MessageReading) -> None:
    order: list[str] = []

    async def one(name: str) -> None:
        await reading.read(LONG, lambda _: order.append(f"{name} begun"), as_it_is)
        order.append(f"{name} read")

    await asyncio.gather(*(one(name) for name in "abc"))
    assert order == [f"{name} {what}" for name in "abc" for what in ("begun", "read")]


async def test_one_that_is_given_up_lets_the_next_one_in(reading: MessageReading) -> None:
    first = asyncio.create_task(Seen().read(reading, LONG))
    second = asyncio.create_task(Seen().read(reading, LONG))
    await asyncio.sleep(0)
    first.cancel()
    assert await second
    assert first.cancelled()


async def test_what_is_much_is_explained_in_a_thread(reading: MessageReading) -> None:
    threads: list[bool] = []

    def whole(error: InvalidMessage) -> InvalidMessage:
        threads.append(threading.current_thread() is threading.main_thread())
        return error

    with pytest.raises(InvalidMessage) as caught:
        await Seen().read(reading, body(Visit=MANY), whole)
    assert len(caught.value.issues) == 101
    with pytest.raises(InvalidMessage, match="StartDateTime: must be text, not true or false"):
        await Seen().read(reading, body(StartDateTime=True), whole)
    assert threads == [False, True]


class Held:
    """Completes an error when it is let go on; ``begun`` says that it is at work."""

    def __init__(self, raises: type[Exception] | None = None) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self._raises = raises

    def __call__(self, error: InvalidMessage) -> InvalidMessage:
        self.begun.set()
        assert self.go_on.wait(20)
        if self._raises is not None:
            raise self._raises
        return error

    async def until_begun(self) -> None:
        assert await asyncio.to_thread(self.begun.wait, 20)


async def test_meanwhile_others_are_told_the_first_fault(reading: MessageReading) -> None:
    held = Held()
    first = asyncio.create_task(Seen().read(reading, body(Visit=MANY), held))
    await held.until_begun()
    with pytest.raises(RefusedMessage) as caught:
        await Seen().read(reading, body(Visit=MANY))
    assert [str(issue) for issue in caught.value.issues] == ["Visit.Reasons[99]: does not fit Redox's schema"]
    assert caught.value.more
    held.go_on.set()
    with pytest.raises(InvalidMessage) as whole:
        await first
    assert len(whole.value.issues) == 101
    with pytest.raises(InvalidMessage) as again:
        await Seen().read(reading, body(Visit=MANY))
    assert len(again.value.issues) == 101


async def test_an_explanation_that_nobody_waits_for_makes_room_when_it_ends(reading: MessageReading) -> None:
    held = Held(ValueError)
    first = asyncio.create_task(Seen().read(reading, body(Visit=MANY), held))
    await held.until_begun()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    with pytest.raises(RefusedMessage):
        await Seen().read(reading, body(Visit=MANY))
    held.go_on.set()
    for _ in range(1000):
        with pytest.raises(InvalidMessage) as caught:
            await Seen().read(reading, body(Visit=MANY))
        if not isinstance(caught.value, RefusedMessage):
            break
        await asyncio.sleep(0.01)
    assert len(caught.value.issues) == 101


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("Visit.Reasons", ["a"] * 101, "Visit.Reasons: is too long; at most 100"),
        ("StartDateTime", "2" * 2000, "StartDateTime: is too long; at most 1,000"),
        ("Patient.Notes", [[]], "Patient.Notes[0]: does not fit Redox's schema"),
    ],
)
def test_the_first_fault_alone_says_where_it_is(path: str, value: Any, told: str) -> None:
    text = json.dumps(clinic.changed(clinic.sample(), path, value)).encode()
    with pytest.raises(RefusedMessage) as caught:
        at_once(clinic.reader().checked(at_once(opened(text))))
    assert str(caught.value) == told
