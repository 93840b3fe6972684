"""Pages of a searchset, of which some entries are not what they should be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.core import values
from gateway.core.errors import UpstreamFailed
from gateway.tables.answer import pages
from gateway.tables.answer.pages import Page, PageError
from gateway.tables.answer.site import SiteTables
from tests import clinic

ODD: list[Any] = [
    {"resourceType": ["Slot"]},
    {"resourceType": {"Slot": 1}},
    {"resourceType": None},
    {"resourceType": 5},
    ["Slot"],
    "Slot",
    None,
    17,
    [],
]


@pytest.mark.parametrize("odd", ODD, ids=json.dumps)
def test_one_odd_entry_is_left_out_and_told_and_the_others_stay(tmp_path: Path, odd: Any) -> None:
    good = clinic.slot("2023-09-21T08:45:00-07:00", "2023-09-21T09:05:00-07:00")

    def answer(call: Any) -> Any:
        if call.target != "Slot" or clinic.GRANITE_HOSPITAL not in dict(call.params)["schedule"]:
            return clinic.answering()(call)
        return clinic.Answer(call, (clinic.bundle(odd, good),))

    message = clinic.query(start="2023-09-21T00:00:00.000Z")
    body, reply, _ = clinic.ask(clinic.tables(tmp_path), message, answer)
    assert clinic.starts(body) == ["2023-09-21T15:45:00.000Z"]
    assert body["Meta"]["IsIncomplete"] is True
    assert reply.counts["malformed"] == 1
    assert [issue.severity for issue in reply.issues] == ["error"]


def mixed(count: int) -> list[Any]:
    """Entries of which every fifth is odd."""
    good = clinic.slot("2023-09-21T08:45:00-07:00", "2023-09-21T09:05:00-07:00")
    return [
        {"resource": ODD[number % len(ODD)] if number % 5 == 4 else {**good, "id": str(number)}}
        for number in range(count)
    ]


def read(tables: SiteTables, content: bytes) -> list[Page]:
    return list(tables._pages.pieces(content, tables.answer.resource))


def test_a_long_page_is_read_part_by_part_and_comes_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = json.dumps({"resourceType": "Bundle", "entry": mixed(500)}).encode()
    tables = clinic.tables(tmp_path)
    (whole,) = [each for each in read(tables, content) if each.resources or each.broken]
    monkeypatch.setattr(pages, "AT_ONCE_BYTES", 1000)
    monkeypatch.setattr(values, "_PART_TEXTS", 7)
    found = [each for each in read(tables, content) if each.resources or each.broken]
    assert len(found) == 72
    assert [slot for part in found for slot in part.resources] == whole.resources
    assert [each for part in found for each in part.broken] == list(whole.broken)
    assert [position for position, _ in whole.broken] == list(range(4, 500, 5))


def test_a_page_that_is_read_at_once_is_handed_on_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = clinic.slot("2023-09-21T08:45:00-07:00", "2023-09-21T09:05:00-07:00")
    entries = [{"resource": {**good, "id": str(number)}} for number in range(12_000)]
    content = json.dumps({"resourceType": "Bundle", "total": 7, "link": [], "entry": entries}).encode()
    assert values.AT_ONCE_BYTES < len(content) < 4 * values.AT_ONCE_BYTES
    tables = clinic.tables(tmp_path)
    found = read(tables, content)
    assert [len(each.resources) for each in found] == [5_000, 5_000, 2_000]
    assert [each.total for each in found] == [7, None, None]
    monkeypatch.setattr(pages, "_OBJECTS_AT_ONCE", 1000)
    parts = read(tables, content)
    assert len(parts) > len(found)
    assert [each.total for each in parts if each.total is not None] == [7]
    assert [slot for part in parts for slot in part.resources] == [
        s for each in found for s in each.resources
    ]


def test_a_page_of_more_values_than_any_server_sends_is_none(tmp_path: Path) -> None:
    content = b'{"resourceType":"Bundle","entry":[%b1]}' % (b"1," * values.MOST_ANSWERED)
    with pytest.raises(PageError):
        read(clinic.tables(tmp_path), content)


@pytest.mark.parametrize(("values_", "broken"), [(100, 0), (200_000, 1)])
def test_one_resource_may_be_long_but_not_of_many_values(tmp_path: Path, values_: int, broken: int) -> None:
    good = clinic.slot("2023-09-21T08:45:00-07:00", "2023-09-21T09:05:00-07:00")
    long = {**good, "serviceType": [{}] * values_, "comment": "x" * 1_200_000}
    content = json.dumps(
        {"resourceType": "Bundle", "entry": [{"resource": long}, {"resource": good}]}
    ).encode()
    found = read(clinic.tables(tmp_path), content)
    assert sum(len(each.resources) for each in found) == 2 - broken
    assert [each for part in found for each in part.broken] == [(0, {"resourceType": "Slot"})] * broken


@pytest.mark.parametrize(
    ("total", "slots", "others", "incomplete"),
    [
        (2, 2, 0, False),
        (None, 2, 0, False),
        (1, 2, 0, False),
        (0, 0, 0, False),
        ("3", 2, 0, False),
        (3, 2, 0, True),
        (9, 0, 0, True),
        # Something came, but nothing of what was asked for: that is not "nothing open".
        (None, 0, 2, True),
        (2, 0, 2, True),
        (2, 2, 2, False),
    ],
)
def test_less_than_there_is_is_not_all_there_is(
    tmp_path: Path, total: Any, slots: int, others: int, incomplete: bool
) -> None:
    """A total above what came, with no further page; or resources of other types alone."""
    found = [
        clinic.slot(f"2023-09-21T0{7 + number}:45:00-07:00", f"2023-09-21T0{8 + number}:45:00-07:00")
        for number in range(slots)
    ]
    entries = [*found, *[{"resourceType": "Appointment", "status": "proposed"}] * others]
    page = {"resourceType": "Bundle", "entry": [{"resource": each} for each in entries], "total": total}

    def answer(call: Any) -> Any:
        if call.target != "Slot" or clinic.GRANITE_HOSPITAL not in dict(call.params)["schedule"]:
            return clinic.answering()(call)
        return clinic.Answer(call, (json.dumps(page).encode(),))

    message = clinic.query(start="2023-09-21T00:00:00.000Z")
    body, reply, _ = clinic.ask(clinic.tables(tmp_path), message, answer, preferences="ignore")
    assert len(clinic.starts(body)) == slots
    assert body["Meta"].get("IsIncomplete", False) == incomplete
    assert bool(reply.issues) == incomplete


def test_a_search_that_brings_other_resources_alone_is_no_answer(tmp_path: Path) -> None:
    page = clinic.bundle({"resourceType": "Appointment", "status": "proposed"})

    def answer(call: Any) -> Any:
        return clinic.answering()(call) if call.target != "Slot" else clinic.Answer(call, (page,))

    error = clinic.refused(clinic.tables(tmp_path), clinic.query(), answer)
    assert isinstance(error, UpstreamFailed)
