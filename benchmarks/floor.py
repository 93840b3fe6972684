"""The floor: the job of :mod:`benchmarks.plain` written by hand for this one mapping, for speed alone.

How it gets there: typed msgspec decoding of the fields that are read; times stay text, shifted to UTC by
looking up the two clock times together and the day; a slot's text is laid together from those pieces and is
its own key for order and doubles; the provider's and location's blocks are spliced in as JSON text. It bets
on slots without an id, a reason or a note, as Canvas gives them, and does the others as they come.
Nothing is skipped: each distinct clock time and day is checked against FHIR's `instant` the first time it
is seen, and what the fast way refuses is gone through again entry by entry.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable
from datetime import date, timedelta

import msgspec

from benchmarks.bundles import Case, Searched
from benchmarks.plain import DAY, SLOT_SYSTEM, TIME, ZONE, meta, utc_text

KEPT = 4096  # entries per table; a full table is emptied

_day = re.compile(DAY)
_clock = re.compile(r"(..):(..):(..)(?:\.([0-9]+))?(Z|([+-])(..):(..))")
_clocks = re.compile(f"({TIME}{ZONE})/({TIME}{ZONE})")

Days = dict[str, str]
Pieces = tuple[Days, str, str]
Part = tuple[str, list[str]]  # blocks, texts


class Reference(msgspec.Struct, gc=False):
    reference: str


class Identifier(msgspec.Struct, gc=False):
    system: str | None = None
    value: str | None = None


class Concept(msgspec.Struct, gc=False):
    text: str | None = None


class Slot(msgspec.Struct, gc=False, tag_field="resourceType", tag="Slot"):
    schedule: Reference
    status: str
    start: str
    end: str
    comment: str | None = None
    id: str | None = None
    identifier: list[Identifier | None] | None = None
    appointmentType: Concept | None = None


class Entry(msgspec.Struct, gc=False):
    resource: Slot


class Bundle(msgspec.Struct, gc=False, tag_field="resourceType", tag="Bundle"):
    entry: list[Entry] = []


class RawBundle(msgspec.Struct, gc=False, tag_field="resourceType", tag="Bundle"):
    entry: list[msgspec.Raw] = []


class Kind(msgspec.Struct):
    resourceType: str


class OtherEntry(msgspec.Struct):
    resource: Kind


_bundle = msgspec.json.Decoder(Bundle).decode
_raw_bundle = msgspec.json.Decoder(RawBundle).decode
_entry = msgspec.json.Decoder(Entry).decode
_other = msgspec.json.Decoder(OtherEntry).decode
_encode = msgspec.json.encode


class ShiftedDays(Days):
    """``2023-09-21`` -> the day so many days on. ValueError: there is no such day."""

    def __init__(self, shift: int) -> None:
        super().__init__()
        self._shift = timedelta(days=shift)

    def __missing__(self, day: str) -> str:
        if not _day.fullmatch(day):
            raise ValueError
        text = (date.fromisoformat(day) + self._shift).isoformat()
        if len(self) >= KEPT:
            self.clear()
        self[day] = text
        return text


class Clocks(dict[str, Pieces]):
    """``08:45:00-07:00/09:05:00-07:00``, of one day, -> its UTC days, and what stands behind each."""

    def __init__(self) -> None:
        super().__init__()
        self._days: dict[int, ShiftedDays] = {}

    def __missing__(self, clocks: str) -> Pieces:
        found = self.pieces(clocks, 0)
        if len(self) >= KEPT:
            self.clear()
        self[clocks] = found
        return found

    def pieces(self, clocks: str, days_apart: int) -> Pieces:
        match = _clocks.fullmatch(clocks)
        if match is None:
            raise ValueError
        start, end = _milliseconds(match[1]), _milliseconds(match[2]) + days_apart * 86_400_000
        minutes, rest = divmod(end - start, 60_000)
        if not 1 <= minutes <= 1440 or rest:
            raise ValueError
        shift, rest = divmod(start, 86_400_000)
        seconds, milliseconds = divmod(rest, 1000)
        time = f"T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{milliseconds:03}Z"
        days = self._days.setdefault(shift, ShiftedDays(shift))
        return days, f'{time}","Duration":{minutes},"ID":"', f"{time}~{minutes}"


def _milliseconds(clock: str) -> int:
    """Since the midnight in UTC of the day that the text says: below 0 on the day before."""
    match = _clock.fullmatch(clock)
    assert match is not None
    hour, minute, second, fraction, zone, sign, zone_hour, zone_minute = match.groups()
    offset = 0 if zone == "Z" else int(zone_hour) * 60 + int(zone_minute)
    minutes = int(hour) * 60 + int(minute) + (offset if sign == "-" else -offset)
    if second == "60":
        return (minutes + 1) * 60_000
    return (minutes * 60 + int(second)) * 1000 + int((fraction or "0").ljust(3, "0")[:3])


class Refused(Exception):
    """The fast way met a Slot that it cannot read."""


class Floor:
    """Keeps the tables of days and clock times from call to call, as a running service would."""

    def __init__(self) -> None:
        self._clocks = Clocks()
        self._unshifted = ShiftedDays(0)

    def answer(self, case: Case, window: tuple[str, str]) -> bytes:
        """The Redox answer's bytes. ``window``: the case's, as texts of the form of ``DateTime``."""
        incomplete = False
        parts: list[Part] = []
        for searched in case.schedules:
            texts, whole = self._texts(searched)
            incomplete |= not whole
            parts.append((_blocks(searched), _trim(texts, *window)))
        head = f'{{"Meta":{_encode(meta(case, incomplete)).decode()},"AvailableSlots":['
        text = _one(head, *parts[0]) if len(parts) == 1 else _merged(head, parts)
        return text.encode()

    def _texts(self, searched: Searched) -> tuple[list[str], bool]:
        """Per open slot ``2023-09-21T15:45:00.000Z","Duration":20,"ID":"..."``; whether all could be read."""
        bare = searched.schedule
        known = (f"Schedule/{bare}", bare)
        stem = f"{_encode(bare)[1:-1].decode()}~"
        try:
            slots = [entry.resource for entry in _bundle(searched.bundle).entry]
            texts = self._fast(slots, known, stem)
            return texts, bool(texts) or not _only_strays(slots, known)
        except (msgspec.ValidationError, Refused):
            return self._entry_by_entry(searched.bundle, known, stem)

    def _fast(self, slots: Iterable[Slot], known: tuple[str, str], stem: str) -> list[str]:
        clocks = self._clocks
        texts: dict[str, None] = {}  # keeps an order that is mostly right already
        more: dict[str, str] = {}
        try:
            for slot in slots:
                if slot.status == "free" and slot.schedule.reference in known:
                    day, _, start = slot.start.partition("T")
                    last_day, _, end = slot.end.partition("T")
                    if day == last_day:
                        days, middle, last = clocks[f"{start}/{end}"]
                    else:
                        days, middle, last = self._over_midnight(day, last_day, f"{start}/{end}")
                    day = days[day]
                    text = f'{day}{middle}{stem}{day}{last}"'
                    extra = slot.id or slot.identifier or slot.comment or slot.appointmentType
                    if extra and text not in texts:
                        more[text] = _more(slot, text, f"{day}{middle}")
                    texts[text] = None
        except ValueError:
            raise Refused from None
        return [more.get(text, text) for text in texts] if more else list(texts)

    def _over_midnight(self, day: str, last_day: str, clocks: str) -> Pieces:
        first, last = self._unshifted[day], self._unshifted[last_day]
        days_apart = (date.fromisoformat(last) - date.fromisoformat(first)).days
        return self._clocks.pieces(clocks, days_apart)

    def _entry_by_entry(self, bundle: bytes, known: tuple[str, str], stem: str) -> tuple[list[str], bool]:
        slots: list[Slot] = []
        whole = True
        for raw in _raw_bundle(bundle).entry:
            try:
                slot = _entry(raw).resource
                self._fast((slot,), known, stem)
                slots.append(slot)
            except Refused:
                whole = False
            except msgspec.ValidationError:
                whole &= _of_another_type(raw)
        return self._fast(slots, known, stem), whole and not _only_strays(slots, known)


def _only_strays(slots: list[Slot], known: tuple[str, str]) -> bool:
    return bool(slots) and all(
        slot.status == "free" and slot.schedule.reference not in known for slot in slots
    )


def _more(slot: Slot, text: str, before: str) -> str:
    """The text with the slot's own ID in place of the made one, its reason and its notes."""
    given = [each for each in slot.identifier or () if each is not None and each.system == SLOT_SYSTEM]
    values = [each.value for each in given if each.value is not None]
    if own := (values and values[0]) or slot.id:
        text = f"{before}{_encode(own)[1:].decode()}"
    if slot.appointmentType is not None and slot.appointmentType.text:
        text += f',"Reason":{_encode(slot.appointmentType.text).decode()}'
    if slot.comment:
        text += f',"Notes":{_encode(slot.comment.split(chr(10))).decode()}'
    return text


def _of_another_type(raw: msgspec.Raw) -> bool:
    try:
        return _other(raw).resource.resourceType != "Slot"
    except msgspec.ValidationError:
        return False


def _trim(texts: list[str], start: str, end: str) -> list[str]:
    """In order of time, within the window: a text starts with its fixed-width UTC time."""
    ordered = sorted(texts)
    return ordered[bisect_left(ordered, start) : bisect_left(ordered, end)]


def _blocks(searched: Searched) -> str:
    provider, location = _encode(searched.provider).decode(), _encode(searched.location).decode()
    return f',"Provider":{provider},"Location":{location}}}'


def _one(head: str, blocks: str, texts: list[str]) -> str:
    if not texts:
        return head + "]}"
    texts[0] = f'{head}{{"DateTime":"{texts[0]}'
    texts[-1] = f"{texts[-1]}{blocks}]}}"
    return f'{blocks},{{"DateTime":"'.join(texts)


def _merged(head: str, parts: list[Part]) -> str:
    """By time, then in the order of the schedules."""
    slots = [(text[:24], place, text) for place, (_, texts) in enumerate(parts) for text in texts]
    slots.sort()
    return head + ",".join([f'{{"DateTime":"{text}{parts[place][0]}' for _, place, text in slots]) + "]}"


def prepare(case: Case) -> Callable[[], bytes]:
    """The program on one case; the window's texts belong to the query, not to its answer."""
    floor = Floor()
    window = utc_text(case.start), utc_text(case.end)
    return lambda: floor.answer(case, window)
