"""The outside of a Redox message: how much is in it, and its Meta, before all else. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.core.errors import InvalidMessage, Issue
from gateway.core.values import AT_ONCE_BYTES, BOM, Pieces, has_longer, values

# Generous for any message of a person or a program: Redox's own sample holds a hundred values.
MOST_VALUES = 10_000
MOST_META_BYTES = 64 * 1024
MOST_TEXT_BYTES = 4 * 1024 * 1024  # of one text, which can only be decoded in one go
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What a decoder raises for what it cannot read."""

_LONG_LEVELS = 6  # how deep a part may stand that is long; in Redox's schemas they do four
_TOKEN = re.compile(r"[A-Za-z0-9._-]{1,64}")


class _Named(msgspec.Struct):
    ID: str | int | float | None = None

    @property
    def name(self) -> str:
        """The id as a text, empty where there is none; a whole number may come as 7.0."""
        found = self.ID
        if isinstance(found, float) and found.is_integer():
            found = int(found)
        return "" if found is None else str(found).strip()


class Meta(msgspec.Struct):
    """What is read of a message's Meta here; numbers for ids, and items that are null, are read as well."""

    DataModel: str | None = None
    EventType: str | None = None
    Destinations: list[_Named | None] | None = None
    Logs: list[_Named | None] | None = None

    @property
    def destinations(self) -> tuple[str, ...]:
        """The ids of those that it is for."""
        return tuple(each.name for each in self.Destinations or () if each is not None and each.name)

    @property
    def log(self) -> str | None:
        """The id of the first log, by which Redox finds the message again; None if it has none."""
        return next((each.name for each in self.Logs or () if each is not None and each.name), None)


class _Envelope(msgspec.Struct):
    Meta: msgspec.Raw = msgspec.Raw()


_envelope = msgspec.json.Decoder(_Envelope).decode
_SPLIT: dict[bytes, Callable[[bytes], Any]] = {
    b"{": msgspec.json.Decoder(dict[str, msgspec.Raw]).decode,
    b"[": msgspec.json.Decoder(list[msgspec.Raw]).decode,
}
meta_of = msgspec.json.Decoder(Meta | None).decode
echo_of = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class Envelope:
    """A body of which only the outside has been looked at: how many ``values`` are in it (a number above
    :data:`MOST_VALUES` if there are too many), whether one of its texts is too ``long``, and the JSON text of
    its ``meta``, None where there is none or its ``meta_bytes`` are too many."""

    body: bytes
    values: int
    long: bool = False
    meta: bytes | None = None
    meta_bytes: int = 0

    @property
    def request_id(self) -> str | None:
        """``Meta.Logs[0].ID``, by which Redox finds a message again; None if that is no plain id."""
        try:
            meta = meta_of(self.meta) if self.meta is not None else None
        except UNREADABLE:
            return None
        first = meta.log if meta is not None else None
        return first if first is not None and _TOKEN.fullmatch(first) else None

    @property
    def echoed(self) -> bytes | None:
        """All that an error's body needs of the message: one with nothing but its Meta."""
        return b'{"Meta":%b}' % self.meta if self.meta is not None else None


def opened(body: bytes) -> Pieces[Envelope]:
    """The envelope of a body, whatever is in it."""
    body = body.removeprefix(BOM)
    count = yield from values(body, MOST_VALUES)
    long = yield from has_longer(body, MOST_TEXT_BYTES)
    if count > MOST_VALUES and len(body) > AT_ONCE_BYTES:
        return Envelope(body, count, long)
    yield
    try:
        found = _envelope(body).Meta
    except UNREADABLE:
        return Envelope(body, count, long)
    size = len(memoryview(found))
    return Envelope(body, count, long, bytes(found) if 0 < size <= MOST_META_BYTES else None, size)


def decoded(body: bytes, levels: int = _LONG_LEVELS) -> Pieces[Any]:
    """The body as a JSON value, as :func:`parse` gives it, the parts of what is long one after the other."""
    whole = levels == _LONG_LEVELS
    if len(memoryview(body)) <= AT_ONCE_BYTES:
        return parse(body, whole=whole)
    opening = body.lstrip()[:1] if whole else bytes(memoryview(body)[:1])
    split = _SPLIT.get(opening)
    if split is None:
        return parse(body, whole=whole)
    if not levels:
        raise InvalidMessage(Issue("structure", "", "the body is nested too deeply where it is long"))
    yield
    try:
        parts = split(body)
    except UNREADABLE:
        return parse(body, whole=whole)  # which says where it breaks off
    names = parts.keys() if isinstance(parts, dict) else range(len(parts))
    done = 0
    for name in names:
        size = len(memoryview(parts[name]))
        if (done := done + size) > AT_ONCE_BYTES:
            yield
            done = size
        parts[name] = yield from decoded(parts[name], levels - 1)
    return parts


def parse(body: bytes, *, whole: bool = True) -> Any:
    """The body as a JSON value; :class:`InvalidMessage` where it is none, without quoting it. Not ``whole``:
    it is a part of the body, in which the place of a fault means nothing to the sender."""
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise InvalidMessage(Issue("structure", "", "the body is nested too deeply")) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        place = re.search(r"\(byte (\d+)\)", str(error))
        where = f" at byte {place[1]}" if place and whole else ""
        raise InvalidMessage(Issue("structure", "", f"the body is not JSON in UTF-8{where}")) from None
