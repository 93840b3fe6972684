"""The compiled loop gives what the plain reference gives, with the shipped rows and with others."""

from __future__ import annotations

import dataclasses
import json
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.mapping import Wanted as Window
from gateway.core.plan import Answer, Call
from gateway.core.values import at_once
from gateway.tables.answer import reference as trace
from gateway.tables.answer.site import SiteTables
from gateway.tables.build import ANSWER, Tables, Wanted

SCHEDULE = "Location.2-Staff.aa"
ALWAYS = Window("0000", "9999-12-31T24")
CELLS = {
    "schedule": SCHEDULE,
    "provider_id": "98",
    "last_name": 'Gr\u00e4n "ite"',
    "credentials": "MD PhD",
    "room": "{1}",
}

MORE = """\
over: available-slots.answer
rows:
  - row: ignore Provider.EmailAddresses
    drop: true
    because: they are carried below
  - row: ignore Location.Type
    drop: true
    because: they are carried below
  - redox: Location.Type
    fhir: ["Slot.serviceType.where(text='x').coding[0].display", Slot.serviceCategory.coding.code]
  - redox: Location.FacilityIdentifiers.where(IDType='NPI').ID
    fhir: Slot.specialty.coding.code
  - redox: Location.DepartmentIdentifiers.where(IDType='T').ID
    fhir: Slot.identifier.where(system='urn:when').value
    codec: instant
    loses: digits beyond the millisecond
  - redox: Provider.EmailAddresses
    fhir: Slot.appointmentType.coding.display
    codec: words
  - redox: Provider.Address.County
    key: county
    value: Kent
    way: to-redox
    because: all of them are there
"""
REQUIRED = """\
over: available-slots.answer
rows:
  - row: Reason
    required: true
  - row: Provider.LastName
    required: true
  - row: Location.Room
    required: true
"""
LAYERS = {"shipped": "", "more": MORE, "required": REQUIRED}

days = st.sampled_from(
    [
        "2025-11-01",
        "2025-11-02",
        "2024-02-29",
        "2025-02-29",
        "2025-12-31",
        "0000-01-01",
        "0001-01-01",
        "9999-12-31",
    ]
)
clocks = st.sampled_from(
    ["08:45:00", "09:05:00", "23:50:00", "00:00:00", "24:00:00", "08:45:60", "09:05", "09:05:00.25"]
)
zones = st.sampled_from(["Z", "-07:00", "+05:30", "+14:00", "-14:00", "-0700", ""])
instants = st.builds("{}T{}{}".format, days, clocks, zones) | st.sampled_from(
    ["", "2025-11-01", "2025-11-01T08:45:00Z/2025-11-01T09:05:00Z", "2025-11-01T08:45:00Z/09:05:00Z", "x"]
)
usual = st.builds(
    "2025-11-0{}T{:02}:{}:00{}".format,
    st.integers(1, 2),
    st.integers(0, 23),
    st.sampled_from(["00", "15", "30"]),
    st.sampled_from(["-07:00", "Z"]),
)
spans = st.one_of(
    st.tuples(usual | instants, usual | instants),
    *[
        st.builds(
            "2025-11-0{0}T{1:02}:{2}|2025-11-0{0}T{3:02}:{4}".format,
            st.integers(1, 2),
            st.integers(0, 11),
            st.sampled_from(["00:00-07:00", "15:00Z"]),
            st.integers(12, 23),
            st.sampled_from(["00:00-07:00", "30:00Z", "30:00.5Z"]),
        ).map(lambda both: tuple(both.split("|")))
    ]
    * 3,
)
texts = st.sampled_from(["", "x", 'a "b"\n{c}', "\u00e9", " a\x01 b\r\n", " ", "\u00a0a"])
codings = st.lists(
    st.fixed_dictionaries({}, optional={"code": texts, "display": texts}) | st.none(), max_size=2
)
concepts = st.fixed_dictionaries({}, optional={"text": texts, "coding": codings})
slots = st.fixed_dictionaries(
    {
        "resourceType": st.just("Slot"),
        "schedule": st.just({"reference": f"Schedule/{SCHEDULE}"}),
        "status": st.sampled_from(["free", "free", "free", "busy"]),
        "span": spans,
    },
    optional={
        "id": texts,
        "comment": texts,
        "appointmentType": concepts,
        "serviceType": st.lists(concepts, max_size=2),
        "serviceCategory": st.lists(concepts, max_size=2),
        "specialty": st.lists(concepts, max_size=2),
        "identifier": st.lists(
            st.fixed_dictionaries(
                {"system": st.sampled_from(["urn:redox:slot", "urn:when"])}, optional={"value": texts | usual}
            ),
            max_size=2,
        ),
    },
).map(lambda slot: {**slot, "start": slot["span"][0], "end": slot.pop("span")[1]})


@lru_cache
def tables(name: str) -> SiteTables:
    with TemporaryDirectory() as folder:
        site = Path(folder, "sites", "clinic")
        site.mkdir(parents=True)
        if LAYERS[name]:
            (site / "available-slots.answer.yaml").write_text(LAYERS[name], "utf-8")
        return Tables(Path(folder)).build(Wanted("clinic", "canvas", "America/Los_Angeles"))


@lru_cache
def with_line(name: str, cells: str) -> SiteTables:
    return dataclasses.replace(tables(name), schedules=(json.loads(cells),))


def compiled(name: str, found: list[Any], cells: dict[str, str]) -> tuple[list[Any], dict[str, int]]:
    site = with_line(name, json.dumps(cells))
    collector = site.collector(site.directory(()), (0,))
    page = json.dumps({"resourceType": "Bundle", "entry": [{"resource": each} for each in found]}).encode()
    at_once(collector.add(Answer(Call("Slot"), (page,)), ALWAYS))
    written, between, _ = at_once(collector.texts(100))
    return json.loads(f"[{between.join(written)}]"), collector.counts


def plain(name: str, slot: Any, cells: dict[str, str]) -> Any:
    site = tables(name)
    return trace.to_redox(site.tables[ANSWER], site.answer_rows, slot, cells).result


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=250, deadline=None)
@given(slot=slots, cells=st.sampled_from([CELLS, {**CELLS, "last_name": ""}, {"schedule": SCHEDULE}]))
def test_agrees_with_the_plain_reference(name: str, slot: Any, cells: dict[str, str]) -> None:
    wanted = plain(name, slot, cells)
    for _ in range(2):  # the second time from what is remembered
        written, counts = compiled(name, [slot], cells)
        assert written == ([] if wanted is None else [wanted])
        refused = sum(counts.get(each, 0) for each in ("malformed", "modified", "occupied", "mistaken"))
        assert refused == (wanted is None)


@settings(max_examples=150, deadline=None)
@given(found=st.lists(slots, max_size=6))
def test_many_slots_are_in_order_and_each_once(found: list[Any]) -> None:
    every = [each for each in (plain("shipped", slot, CELLS) for slot in found) if each is not None]
    first = {(each["DateTime"], each["Duration"], each["ID"]): each for each in reversed(every)}
    written, counts = compiled("shipped", found, CELLS)
    assert [each["DateTime"] for each in written] == sorted(moment for moment, *_ in first)
    assert {(each["DateTime"], each["Duration"], each["ID"]): each for each in written} == first
    assert counts.get("doubles", 0) == len(every) - len(first)


def test_two_ids_at_one_time_are_two_slots_and_one_id_is_one() -> None:
    good = {"resourceType": "Slot", "schedule": {"reference": SCHEDULE}, "status": "free"}
    span = {"start": "2025-11-01T08:45:00Z", "end": "2025-11-01T09:05:00Z"}
    ids = ("s9", "s1", "s9", "s1", None, None, "s5")
    found = [{**good, **span, **({"id": each} if each else {})} for each in ids]
    written, counts = compiled("shipped", found, CELLS)
    made = f"{CELLS['schedule']}~2025-11-01T08:45:00.000Z~20"
    assert sorted(each["ID"] for each in written) == sorted(("s9", "s1", "s5", made))
    assert counts["doubles"] == 3


def test_two_clock_times_run_together_are_not_two() -> None:
    good = {"resourceType": "Slot", "schedule": {"reference": SCHEDULE}, "status": "free"}
    spans = [
        ("2025-11-01T08:45:00Z", "2025-11-01T09:05:00Z"),
        ("2025-11-01T08:45:00Z/09:05:00Z", "2025-11-01"),
    ]
    written, counts = compiled(
        "shipped", [{**good, "start": start, "end": end} for start, end in spans], CELLS
    )
    assert (len(written), counts["malformed"]) == (1, 1)


def test_what_is_remembered_stays_bounded() -> None:
    good = {"resourceType": "Slot", "schedule": {"reference": SCHEDULE}, "status": "free"}
    found = [
        {**good, "start": f"2025-11-01T08:00:00.{number:04}Z", "end": f"2025-11-01T08:20:00.{number:04}Z"}
        for number in range(9000)
    ]
    written, _ = compiled("shipped", found, CELLS)
    assert len(written) == 100
    known = tables("shipped").answer.convert.__globals__["spans"]
    assert 0 < len(known) <= 4096


@pytest.mark.parametrize(
    ("typed", "reason", "notes"),
    [
        ("Bring your card", "Bring your card", ["Bring your card"]),
        (" see\x01 notes\r\n", "see  notes", ["see  notes"]),
        ("one\r\n\r\n two \u00a0\n", "one\r\n\r\n two", ["one", "two"]),
        ("a\u00a0b", "a b", ["a b"]),
        ('say "\u00e9\\x" \U0001f600', 'say "\u00e9\\x" \U0001f600', ['say "\u00e9\\x" \U0001f600']),
        (" ", None, None),
        ("\n\x7f\n", "\x7f", ["\x7f"]),
        ("", None, None),
    ],
)
def test_what_somebody_has_typed_is_told_as_cells_are(
    typed: str, reason: str | None, notes: list[str] | None
) -> None:
    when = {"start": "2025-11-01T08:00:00Z", "end": "2025-11-01T08:20:00Z"}
    slot = {"resourceType": "Slot", "id": "7", "status": "free", **when, "comment": typed}
    slot |= {"schedule": {"reference": f"Schedule/{SCHEDULE}"}, "appointmentType": {"text": typed}}
    (written,), _ = compiled("shipped", [slot], CELLS)
    assert (written.get("Reason"), written.get("Notes"), written["ID"]) == (reason, notes, "7")
    odd = {**slot, "id": " 7 ~"}  # an id goes back letter by letter
    (written,), _ = compiled("shipped", [odd], CELLS)
    assert written["ID"] == " 7 ~"
