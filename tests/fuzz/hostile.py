"""Bodies that are made to cost: as long as they may be, and of a shape that multiplies work."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests import clinic

Make = Callable[[int], bytes]


def message(**changed: Any) -> bytes:
    """The sample with other parts, as JSON."""
    return json.dumps({**clinic.sample(), **changed}).encode()


def filled(path: str, item: Any, size: int) -> bytes:
    """The sample with a list at a dotted path that makes it ``size`` bytes long."""
    text = json.dumps(item).encode()
    return put(path, b"[" + b",".join([text] * max(1, (size - 4096) // (len(text) + 1))) + b"]")


def put(path: str, text: bytes) -> bytes:
    """The sample with this JSON text at a dotted path."""
    value = clinic.sample()
    value["Visit"]["AttendingProviders"] = [{}]
    here: Any = value
    *parents, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in parents:
        here = here[step]
    here[last] = "@here@"
    return json.dumps(value).encode().replace(b'"@here@"', text, 1)


def _text(path: str, unit: bytes) -> Make:
    return lambda size: put(path, b'"' + unit * ((size - 4096) // len(unit)) + b'"')


def _list(path: str, item: Any) -> Make:
    return lambda size: filled(path, item, size)


def _nested(opening: bytes, closing: bytes) -> Make:
    def made(size: int) -> bytes:
        depth = (size - 4096) // (len(opening) + len(closing))
        return put("Visit", opening * depth + b"1" + closing * depth)

    return made


def _keys(path: str, numbered: bool) -> Make:
    def made(size: int) -> bytes:
        names = ((f"K{number:07}" if numbered else "Visits") for number in range((size - 4096) // 13))
        return put(path, b"{" + ",".join(f'"{name}":1' for name in names).encode() + b"}")

    return made


def _doubled(name: str, text: str) -> Make:
    def made(size: int) -> bytes:
        each = f'"{name}":{text},'.encode()
        return b"{" + each * ((size - 4096) // len(each)) + message()[1:]

    return made


def _many_kinds(size: int) -> bytes:
    """Every list just within its bound, every text as long as it may be, nothing known."""
    word = "x" * 990
    times = [f"{number // 60:02}{number % 60:02}" for number in range(48)]
    days = ["Monday", "Tue", "wed", "Thurs", "fri.", "SAT", "sunday"] * 2
    wishes = [
        {"Duration": str(n + 1), "DurationUnit": "minutes", "Day": days, "Time": times} for n in range(50)
    ]
    return message(
        Visit={
            "Reasons": ["y" * 9_990] * 100,
            "AttendingProviders": [
                {"ID": f"{n}{word}", "IDType": "NPI", "FirstName": word, "LastName": word} for n in range(100)
            ],
            "Locations": [{"Facility": f"{n}{word}", "Department": word} for n in range(100)],
            "VisitType": [{"Code": f"{n}{word}", "Codeset": "x", "Description": word} for n in range(100)],
            "VisitPreference": wishes,
        }
    )


BODIES: Mapping[str, Make] = {
    "reasons that are numbers": _list("Visit.Reasons", 1),
    "reasons that are texts": _list("Visit.Reasons", "a"),
    "reasons that are null": _list("Visit.Reasons", None),
    "reasons that are objects": _list("Visit.Reasons", {}),
    "providers that nobody knows": _list("Visit.AttendingProviders", {"ID": "4356789876", "IDType": "NPI"}),
    "providers by name": _list("Visit.AttendingProviders", {"FirstName": "Patty", "LastName": "Granit"}),
    "credentials": _list("Visit.AttendingProviders.0.Credentials", "MD"),
    "locations": _list("Visit.Locations", {"Department": "3NN", "Facility": "RES General Hospitals"}),
    "visit types": _list("Visit.VisitType", {"Code": "211", "Codeset": "DNER15"}),
    "preferences": _list("Visit.VisitPreference", {"Duration": "30", "DurationUnit": "minutes"}),
    "preferred days": _list("Visit.VisitPreference.0.Day", "Tues"),
    "preferred times": _list("Visit.VisitPreference.0.Time", "1000"),
    "identifiers": _list("Patient.Identifiers", {"ID": "1", "IDType": "MR"}),
    "diagnoses": _list("Patient.Diagnoses", {"Code": 1}),
    "notes": _list("Patient.Notes", ""),
    "destinations": _list("Meta.Destinations", {"ID": "x"}),
    "logs": _list("Meta.Logs", {"ID": "x", "AttemptID": "y"}),
    "lists in lists": _nested(b"[", b"]"),
    "objects in objects": _nested(b'{"Visit":', b"}"),
    "deep extensions": lambda size: put("Extensions", b"[" * 900 + b"]" * 900),
    "deep extensions of Meta": lambda size: put("Meta.Extensions", b'{"a":' * 900 + b"1" + b"}" * 900),
    "wide extensions": _list("Extensions", {"a": [1, 2]}),
    "unknown keys": _keys("Visit", numbered=True),
    "unknown keys of a patient": _keys("Patient", numbered=True),
    "one key many times": _keys("Visit", numbered=False),
    "Meta many times": _doubled("Meta", "{}"),
    "Visit many times": _doubled("Visit", '{"Reasons":["a"]}'),
    "one long key": lambda size: put("Visit", b'{"' + b"k" * (size - 4096) + b'":1}'),
    "a number of many digits": lambda size: put("StartDateTime", b"1" * (size - 4096)),
    "a fraction of many digits": lambda size: put("StartDateTime", b"0." + b"1" * (size - 4096)),
    "an exponent of many digits": lambda size: put("Visit.Reasons", b"[1e" + b"9" * (size - 4096) + b"]"),
    "numbers out of range": _list("Visit.Reasons", 10**300),
    "a long start": _text("StartDateTime", b"2"),
    "a long duration": _text("Visit.VisitPreference.0.Duration", b"1 h "),
    "a long note": _text("Patient.Demographics.SSN", b"pains, fever, [cough] and {more} "),
    "a long note in pieces": _text("Visit.Reasons.0", b'\\",'),
    "a long Meta": _text("Meta.FacilityCode", b"F"),
    "a long log id": _text("Meta.Logs.0.ID", b"\\u00e9"),
    "a long event": _text("Meta.EventType", b"A"),
    "backslashes": _text("Visit.AttendingProviders", b"\\\\"),
    "escapes": _text("Visit.Locations", b"\\ud83d\\ude00"),
    "letters, then a sign of four bytes": lambda size: put(
        "StartDateTime", b'"' + b"a" * (size - 4096) + '\U0001f600"'.encode()
    ),
    "signs of four bytes": _text("EndDateTime", "\U0001f600".encode()),
    "signs that are not printable": _text("EndDateTime", b"\xc2\x85"),
    "bytes that are no UTF-8": _text("StartDateTime", b"\xff"),
    "no UTF-8 at its end": lambda size: put("StartDateTime", b'"' + b"a" * (size - 4096) + b'\xff"'),
    "quotes": lambda size: b'"' * size,
    "commas and quotes": lambda size: b"," * 20_000 + b'"' * (size - 20_000),
    "blanks": lambda size: b" " * (size - 4096) + message(),
    "nulls": lambda size: b"[" + b"null," * ((size - 8) // 5) + b"1]",
    "zeros": bytes,
    "all that is allowed": _many_kinds,
}
