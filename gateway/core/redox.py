"""Redox messages: bytes in, checked messages out; and the envelope (``Meta``) of what goes back.

A message is accepted by a compiled check of every field of its schema. What that refuses goes to the
full validators, which name every fault. Which messages there are is a fixed list: no name out of a
message is ever imported or looked up anywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from gateway.core.envelope import (
    MOST_META_BYTES,
    MOST_TEXT_BYTES,
    MOST_VALUES,
    UNREADABLE,
    Envelope,
    Meta,
    decoded,
    echo_of,
    meta_of,
    opened,
)
from gateway.core.errors import GatewayError, InvalidMessage, Issue
from gateway.core.lenient import Lenient
from gateway.core.told import MOST_BYTES, text_of, told
from gateway.core.values import AT_ONCE_BYTES, Pieces, at_once

_MODULES = {"message": "DataModels", "query": "DataModels", "transmission": "Send"}
_LABEL_BYTES = 16 * 1024
_ENDING_BYTES = 64  # of what stands round the errors and the label


class _Party(msgspec.Struct, omit_defaults=True):
    ID: str | None = None
    Name: str | None = None


class _Logged(msgspec.Struct, omit_defaults=True):
    ID: str | None = None
    AttemptID: str | None = None


_TEXT = msgspec.json.Decoder(str | None).decode
_LABELS: Mapping[str, Callable[[msgspec.Raw], Any]] = {
    "DataModel": _TEXT,
    "EventType": _TEXT,
    "Source": msgspec.json.Decoder(_Party | None).decode,
    "Destinations": msgspec.json.Decoder(list[_Party] | None).decode,
    "Logs": msgspec.json.Decoder(list[_Logged] | None).decode,
    "Test": msgspec.json.Decoder(bool | None).decode,
    "FacilityCode": _TEXT,
}
_parts_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

# Redox writes null for those of these that are not set; its response schema has no null for them.
_PARTS = frozenset({"Source", "Destinations", "Logs"})


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is wrong with a message: the first ``issues``, whether there are ``more``, and ``rest``, the typed
    message without the parts that are wrong, or None if nothing sensible is left."""

    issues: tuple[Issue, ...]
    more: bool = False
    rest: Any = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One event that is understood.

    ``check`` turns bytes into the typed message or raises ``msgspec.MsgspecError``. What that refuses is
    ``read`` leniently as a JSON value, of which ``complete`` makes the typed message or raises the same;
    ``brief`` says in one Issue what either of them raised; ``explain`` says everything that is wrong with
    what was read, which takes its time.
    """

    check: Callable[[bytes], Any]
    read: Callable[[Any], Lenient]
    complete: Callable[[Any], Any]
    brief: Callable[[Exception], Issue]
    explain: Callable[[Any], Explanation]


@dataclass(frozen=True, slots=True)
class Message:
    """A checked message. ``meta`` is its ``Meta`` as JSON, to be echoed. ``read``: how it was read, where
    that was done leniently."""

    event: str
    body: Any
    meta: Mapping[str, Any]
    destinations: tuple[str, ...]
    read: Lenient | None = None

    @property
    def passed_over(self) -> Mapping[str, tuple[str, ...]]:
        """The names that no schema has, by the path of what they stand in. A name can be that of a person."""
        if self.read is None:
            return {}
        return {self.read.sent(path): names for path, names in self.read.passed_over.items()}

    def sent(self, issues: Iterable[Issue]) -> tuple[Issue, ...]:
        """Issues at the paths that were sent, of those at paths of the message as it was read."""
        if self.read is None:
            return tuple(issues)
        return tuple(replace(issue, path=self.read.sent(issue.path)) for issue in issues)


class FaultyMessage(InvalidMessage):
    """A message that does not fit its schema. ``rest`` is what fits, so that its values can be read, too."""

    def __init__(self, *issues: Issue, rest: Message | None, more: bool = False) -> None:
        super().__init__(*issues, more=more)
        self.rest = rest


class RefusedMessage(InvalidMessage):
    """A message that the fast check refuses: its one Issue is what that ran into first.

    ``at_length`` looks for every other fault, and gives back the error that tells them. That takes up to some
    tenths of a second, so it is for who drives to say where and whether.
    """

    def __init__(self, brief: Issue, explain: Callable[[], InvalidMessage]) -> None:
        super().__init__(brief, more=True)
        self.at_length = explain


class Reader:
    """Reads messages of the events it is given, by (DataModel, EventType)."""

    def __init__(self, kinds: Mapping[tuple[str, str], Kind]) -> None:
        self._kinds = kinds

    def read(self, body: bytes) -> Message:
        """The checked message. :class:`InvalidMessage` with every fault otherwise, a
        :class:`FaultyMessage` where the envelope at least could be read."""
        try:
            return at_once(self.checked(at_once(opened(body))))
        except RefusedMessage as refused:
            error = refused.at_length()
        raise error

    def checked(self, envelope: Envelope) -> Pieces[Message]:
        """The checked message. :class:`InvalidMessage` otherwise, a :class:`RefusedMessage` for what is still
        to be explained."""
        body = envelope.body
        if envelope.values > MOST_VALUES:
            text = f"the body holds more than {MOST_VALUES:,} values; a query needs far fewer, so send less"
            raise InvalidMessage(Issue("too-costly", "", text))
        if envelope.long:
            text = f"a text in the body is longer than {MOST_TEXT_BYTES:,} bytes; shorten it, or leave it out"
            raise InvalidMessage(Issue("too-long", "", text))
        if envelope.meta_bytes > MOST_META_BYTES:
            text = f"is {envelope.meta_bytes:,} bytes long; write at most {MOST_META_BYTES:,}"
            raise InvalidMessage(Issue("too-long", "Meta", text))
        meta, echo = yield from self._meta(envelope)
        event = meta.EventType or ""
        kind = self._kinds.get((meta.DataModel or "", event))
        if kind is None:
            raise InvalidMessage(*_unknown_event(meta, self._kinds))
        destinations = meta.destinations
        if len(body) <= AT_ONCE_BYTES:
            try:
                return Message(event, kind.check(body), echo, destinations)
            except UNREADABLE:
                pass
        value = yield from decoded(body)
        yield
        read = kind.read(value)
        try:
            message = kind.complete(read.value)
            return Message(event, message, read.value.get("Meta", {}), destinations, read)
        except UNREADABLE as error:
            brief = kind.brief(error)

        def explain() -> InvalidMessage:
            found = kind.explain(read.value)
            rest = Message(event, found.rest, {}, destinations, read)
            issues = rest.sent(found.issues or (brief,))
            return FaultyMessage(*issues, rest=rest if found.rest is not None else None, more=found.more)

        raise RefusedMessage(brief, explain)

    def _meta(self, envelope: Envelope) -> Pieces[tuple[Meta, dict[str, Any]]]:
        """Meta with what is read of it, and all of it."""
        if envelope.meta is not None:
            try:
                meta, echo = meta_of(envelope.meta), echo_of(envelope.meta)
            except UNREADABLE:
                pass
            else:
                if meta is not None:
                    return meta, echo
        value = yield from decoded(envelope.body)
        raise self._envelope_refused(value)

    def _envelope_refused(self, value: Any) -> InvalidMessage:
        if not isinstance(value, dict):
            return InvalidMessage(Issue("structure", "", "the body must be one JSON object, a Redox message"))
        meta = value.get("Meta")
        if meta is None:
            return InvalidMessage(Issue("required", "Meta", "is missing; a Redox message has an object Meta"))
        if not isinstance(meta, dict):
            text = "must be an object with DataModel, EventType and Destinations"
            return InvalidMessage(Issue("required", "Meta", text))
        brief = Issue("structure", "Meta", "cannot be read as the Meta of a Redox message")
        kind = self._kinds.get((str(meta.get("DataModel"))[:64], str(meta.get("EventType"))[:64]))
        if kind is None:
            return InvalidMessage(brief)

        def explain() -> InvalidMessage:
            found = kind.explain(kind.read(value).value)
            return InvalidMessage(*(found.issues or (brief,)), more=found.more)

        return RefusedMessage(brief, explain)


def _unknown_event(meta: Meta, kinds: Mapping[tuple[str, str], Kind]) -> list[Issue]:
    understood = ", ".join(f"{model}.{event}" for model, event in sorted(kinds))
    missing = [name for name in ("DataModel", "EventType") if not getattr(meta, name)]
    if missing:
        return [
            Issue("required", f"Meta.{name}", f"is missing; understood: {understood}") for name in missing
        ]
    return [
        Issue(
            "not-supported", "Meta.EventType", f"this event is not understood here; understood: {understood}"
        )
    ]


def request_id(body: bytes) -> str | None:
    """``Meta.Logs[0].ID``, by which Redox finds a message again; None if it has none that is a plain id."""
    return at_once(opened(body)).request_id


def reply(
    meta: Mapping[str, Any],
    event: str,
    at: str,
    slots: Sequence[str],
    between: str = ",",
    *,
    incomplete: bool,
) -> bytes:
    """The response message: ``Meta`` echoed, neither Source nor Destinations swapped.

    ``at`` is the present moment as Redox spells it; ``slots``, joined by ``between``, are the JSON texts
    of AvailableSlots[]. A long answer is laid together in one go: each copy of it costs.
    """
    answered = {name: value for name, value in meta.items() if value is not None or name not in _PARTS}
    answered.update(EventType=event, EventDateTime=at)
    answered.pop("IsIncomplete", None)
    if incomplete:
        answered["IsIncomplete"] = True
    head = msgspec.json.encode(answered).decode()
    first, last = f'{{"Meta":{head},"AvailableSlots":[', "]}"
    if not slots:
        return (first + last).encode()
    parts = [*slots]
    parts[0] = first + parts[0]
    parts[-1] += last
    return between.join(parts).encode()


def error_reply(error: GatewayError, body: bytes | None) -> bytes:
    """A body with ``Meta.Errors``, one for each of the first faults; of the request only its plain envelope
    is echoed. At most :data:`MOST_BYTES`."""
    label = msgspec.json.encode(_label(body))
    issues = error.issues or (Issue("exception", "", "the gateway failed; its log has the cause"),)
    module = _MODULES.get(error.redox_type, "DataModels")

    def encode(number: int, issue: Issue) -> bytes:
        return msgspec.json.encode(
            {"ID": number, "Text": text_of(issue), "Type": error.redox_type, "Module": module}
        )

    room = MOST_BYTES - len(label) - _ENDING_BYTES
    errors = b",".join(told(issues, encode, room, more=error.more))
    comma = b"," if len(label) > len(b"{}") else b""
    return b'{"Meta":%b%b"Errors":[%b]}}' % (label[:-1], comma, errors)


def _label(body: bytes | None) -> dict[str, Any]:
    """What is echoed of a message in an error: as much of the plain envelope as is short, and as Redox's
    schema has it."""
    envelope = at_once(opened(body)) if body else None
    if envelope is None or envelope.meta is None:
        return {}
    try:
        parts = _parts_of(envelope.meta)
    except UNREADABLE:
        return {}
    found: dict[str, Any] = {}
    room = _LABEL_BYTES
    for name, part_of in _LABELS.items():
        if name not in parts:
            continue
        try:
            part = part_of(parts[name])
        except UNREADABLE:
            continue
        size = len(msgspec.json.encode(part))
        if size <= room and (part is not None or name not in _PARTS):
            found[name] = part
            room -= size
    return found
