# ruff: noqa: E501 (tests as data: what is said stands unbroken beside what is wrong)
"""The lines of schedules.csv by what the rows of their site do with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tables.check.test_cells import remarks

APART = "slots of Redox's answer cannot be told apart; make one of the two, or fill what differs"


@pytest.mark.parametrize("dialect", ["redox", "fhir-r4"])
def test_an_id_that_stands_among_the_types(tmp_path: Path, dialect: str) -> None:
    lines = "schedule,provider_id,provider_id_type,room\na,npi,,1\nb,4356789876,NPI,2\n"
    assert remarks(tmp_path, dialect, schedules=lines) == [
        'schedules.csv:2:1: "npi" in "provider_id" is a type of IDs; are they swapped?'
    ]


def test_swapped_columns_of_ids(tmp_path: Path) -> None:
    lines = "schedule,provider_id,provider_id_type\na,NPI,4356789876\nb,MRN,77\nc,A-1,MRN\nd,NPI,A-2\n"
    assert remarks(tmp_path, schedules=lines) == [
        'schedules.csv:2:1: "NPI" in "provider_id" is a type of IDs, "4356789876" in "provider_id_type" is none; are they swapped?',
        'schedules.csv:3:1: "77" in "provider_id_type" is no type of IDs; are they swapped?',
        'schedules.csv:5:1: "NPI" in "provider_id" is a type of IDs, "A-2" in "provider_id_type" is none; are they swapped?',
    ]


def test_schedules_of_one_provider_at_one_place(tmp_path: Path) -> None:
    """A name beside an ID makes no other provider, and what is not said of anyone is no likeness."""
    lines = (
        "schedule,provider_id,last_name,facility,room,phone\n"
        "a,1,Granite,Juniper,2,\nb,1,,juniper,2,555\nc,1,Granite,Juniper,3,\n"
        "d,,Slate,Juniper,2,\ne,,Slate,Juniper,2,\nf,,,Juniper,2,\n"
    )
    assert remarks(tmp_path / "redox", schedules=lines) == [
        f"schedules.csv:3:1: has the same provider and place as line 2: {APART}",
        f"schedules.csv:6:1: has the same provider and place as line 5: {APART}",
    ]
    assert remarks(tmp_path / "r4", "fhir-r4", schedules=lines) == []


def test_a_few_of_many_lines_are_told(tmp_path: Path) -> None:
    lines = "schedule,provider_id,provider_id_type\n" + "".join(f"{n},NPI,{n}\n" for n in range(50))
    assert len(remarks(tmp_path, schedules=lines)) == 5
