"""Redox messages: bytes in, checked messages out; and the envelope (``Meta``) of what goes back.

A message is accepted by a compiled check of every field of its schema. What that refuses goes to the
full validators, which name every fault. Which messages there are is a fixed list: no name out of a
message is ever imported or looked up anywhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.core.errors import GatewayError, InvalidMessage, Issue

_TOKEN = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MODULES = {"message": "DataModels", "query": "DataModels", "transmission": "Send"}
_LABELS = {"DataModel", "EventType", "Source", "Destinations", "Logs", "Test", "FacilityCode"}

# Redox writes null for those of these that are not set; its response schema has no null for them.
_PARTS = frozenset({"Source", "Destinations", "Logs"})


@dataclass(frozen=True, slots=True)
class Kind:
    """One event that is understood.

    ``check`` turns bytes into the typed message or raises ``msgspec.MsgspecError``; ``complete`` takes
    a JSON value with Redox's nulls for unset parts left out and does the same; ``explain`` says
    everything that is wrong with a JSON value; ``remains`` is the typed message without the parts that
    are wrong, or None if nothing sensible is left.
    """

    check: Callable[[bytes], Any]
    complete: Callable[[Any], Any]
    explain: Callable[[Any], list[Issue]]
    remains: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Message:
    """A checked message. ``meta`` is its ``Meta`` as JSON, to be echoed."""

    event: str
    body: Any
    meta: Mapping[str, Any]
    destinations: tuple[str, ...]


class FaultyMessage(InvalidMessage):
    """A message that does not fit its schema. ``rest`` is what fits, so that its values can be read, too."""

    def __init__(self, *issues: Issue, rest: Message | None) -> None:
        super().__init__(*issues)
        self.rest = rest


class _Log(msgspec.Struct):
    ID: str | None = None


class _Destination(msgspec.Struct):
    ID: str | None = None


class _Meta(msgspec.Struct):
    DataModel: str | None = None
    EventType: str | None = None
    Destinations: list[_Destination] | None = None
    Logs: list[_Log] | None = None


class _Envelope(msgspec.Struct):
    Meta: _Meta | None = None


class _Echo(msgspec.Struct):
    Meta: dict[str, Any] | None = None


_envelope = msgspec.json.Decoder(_Envelope).decode
_echo = msgspec.json.Decoder(_Echo).decode
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Reader:
    """Reads messages of the events it is given, by (DataModel, EventType)."""

    def __init__(self, kinds: Mapping[tuple[str, str], Kind]) -> None:
        self._kinds = kinds

    def read(self, body: bytes) -> Message:
        """The checked message. :class:`InvalidMessage` with every fault otherwise, a
        :class:`FaultyMessage` where the envelope at least could be read."""
        meta = self._envelope(body)
        kind = self._kinds.get((meta.DataModel or "", meta.EventType or ""))
        if kind is None:
            raise InvalidMessage(*_unknown_event(meta, self._kinds))
        destinations = tuple(each.ID for each in meta.Destinations or () if each.ID)
        try:
            checked = _checked(body, kind)
        except InvalidMessage as error:
            remains = kind.remains(parse(body))
            rest = Message(meta.EventType or "", remains, {}, destinations) if remains is not None else None
            raise FaultyMessage(*error.issues, rest=rest) from None
        return Message(meta.EventType or "", checked, _echo(body).Meta or {}, destinations)

    def _envelope(self, body: bytes) -> _Meta:
        try:
            meta = _envelope(body).Meta
        except _UNREADABLE:
            value = parse(body)
            raise InvalidMessage(*self._explain_envelope(value)) from None
        if meta is None:
            raise InvalidMessage(Issue("required", "Meta", "is missing; a Redox message has an object Meta"))
        return meta

    def _explain_envelope(self, value: Any) -> list[Issue]:
        if not isinstance(value, dict):
            return [Issue("structure", "", "the body must be one JSON object, a Redox message")]
        meta = value.get("Meta")
        if not isinstance(meta, dict):
            return [Issue("required", "Meta", "must be an object with DataModel, EventType and Destinations")]
        kind = self._kinds.get((str(meta.get("DataModel")), str(meta.get("EventType"))))
        found = kind.explain(value) if kind is not None else []
        return found or [Issue("structure", "Meta", "cannot be read as the Meta of a Redox message")]


def parse(body: bytes) -> Any:
    """The body as a JSON value; :class:`InvalidMessage` where it is none, without quoting it."""
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise InvalidMessage(Issue("structure", "", "the body is nested too deeply")) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        place = re.search(r"\(byte (\d+)\)", str(error))
        where = f" at byte {place[1]}" if place else ""
        raise InvalidMessage(Issue("structure", "", f"the body is not JSON in UTF-8{where}")) from None


def _checked(body: bytes, kind: Kind) -> Any:
    try:
        return kind.check(body)
    except _UNREADABLE:
        value = parse(body)
    try:
        return kind.complete(value)
    except _UNREADABLE:
        issues = kind.explain(value)
        raise InvalidMessage(
            *(issues or [Issue("structure", "", "the message does not fit its schema")])
        ) from None


def _unknown_event(meta: _Meta, kinds: Mapping[tuple[str, str], Kind]) -> list[Issue]:
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
    try:
        meta = _envelope(body).Meta
    except _UNREADABLE:
        return None
    first = meta.Logs[0].ID if meta is not None and meta.Logs else None
    return first if first is not None and _TOKEN.fullmatch(first) else None


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
    echoed = {name: value for name, value in meta.items() if value is not None or name not in _PARTS}
    answered = {**echoed, "EventType": event, "EventDateTime": at}
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
    """A body with ``Meta.Errors``, one for each fault; of the request only its plain envelope is echoed."""
    issues = error.issues or (Issue("exception", "", "the gateway failed; its log has the cause"),)
    errors = [
        {
            "ID": number,
            "Text": str(issue),
            "Type": error.redox_type,
            "Module": _MODULES.get(error.redox_type, "DataModels"),
        }
        for number, issue in enumerate(issues, 1)
    ]
    return msgspec.json.encode({"Meta": {**_label(body), "Errors": errors}})


def _label(body: bytes | None) -> dict[str, Any]:
    if not body:
        return {}
    try:
        _envelope(body)
        meta = _echo(body).Meta or {}
    except _UNREADABLE:
        return {}
    return {name: value for name, value in meta.items() if name in _LABELS}
