# ruff: noqa: E501 (tests as data: what is said stands unbroken beside what is wrong)
"""``dialect.yaml``: what one layer changes of another, and what is said of what is wrong."""

from __future__ import annotations

import pytest

from gateway.files.marked import Fault
from gateway.tables.build import _validator
from gateway.tables.read import dialect
from gateway.tables.read.dialect import Dialect
from gateway.tables.read.layers import Source

BASE = """\
dialect:
  upstream: fhir
  page_size: {param: _count, value: 100}
  searches: {Schedule: {active: "true"}, Practitioner: {}, Location: {}}
  joins:
    Practitioner: {reference: Schedule.actor.reference}
    Location: {reference: Schedule.actor.reference}
  together: [schedule]
"""


def loaded(*texts: str) -> tuple[Dialect, list[str]]:
    faults: list[Fault] = []
    sources = [Source(f"{n}.yaml", str(n), "dialect", text.encode()) for n, text in enumerate(texts)]
    return dialect.load(sources, _validator("dialect"), faults), [str(fault) for fault in sorted(faults)]


def test_the_defaults_without_any_file() -> None:
    assert loaded() == (Dialect(), [])


def test_a_higher_layer_replaces_single_keys() -> None:
    made, faults = loaded(
        BASE,
        "dialect:\n  together: []\n  page_size: {param: _count, value: ''}\n  searches: {Schedule: {}}\n"
        "  joins:\n    Location: {text: Schedule.comment, after: ' at ', names: [Location.name]}\n",
    )
    assert faults == []
    assert made.upstream == "fhir"
    assert made.page_size is None
    assert made.together == frozenset()
    assert made.searches == {"Schedule": (), "Practitioner": (), "Location": ()}
    (practitioner,) = made.joins["Practitioner"]
    assert [str(path) for path in practitioner.steps] == ["Schedule.actor"]
    (location,) = made.joins["Location"]
    assert (str(location.text), location.after, location.steps) == ("Schedule.comment", " at ", ())
    assert [str(name) for name in location.names] == ["Location.name"]
    assert {name: str(mark) for name, mark in made.marks.items()} == {
        "join of Practitioner": "0.yaml:6:5",
        "join of Location": "1.yaml:6:5",
        "page_size": "1.yaml:3:3",
        "together schedule": "0.yaml:8:14",
    }


def test_searches_keep_their_fixed_parameters_in_order() -> None:
    made, _ = loaded(BASE)
    assert made.searches["Schedule"] == (("active", "true"),)
    assert made.page_size == ("_count", "100")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "dialect: {}",
            [
                '0.yaml:1:10: "dialect" is empty; write one of: upstream, directory, clients, page_size, named_at_most, searches, joins, levels, slots, sorted_by_start, combine_slots, miscounts, withheld, together, apart_by_system, together_at_most'
            ],
        ),
        (
            "dialect:\n  page_size: {param: '', value: 0}\n  together: [a, 'b&c']\n  searches: {Schedule: {a b: x}}\n  together_at_most: none",
            [
                '0.yaml:2:22: "param" cannot be ""; write the name of one search parameter (letters, digits, _ - . and :)',
                '0.yaml:2:33: "value" cannot be "0"; write a number from 1 to 99999, or "" to ask for no number',
                '0.yaml:3:17: this cannot be "b&c"; write the name of one search parameter (letters, digits, _ - . and :)',
                '0.yaml:4:25: "a b" cannot stand here; write the name of one search parameter (letters, digits, _ - . and :)',
                '0.yaml:5:21: "together_at_most" cannot be "none"; write a number from 1 to 999',
            ],
        ),
        (
            "dialect:\n  upstream:\n  joins: {Location: {}, Practitioner: {reference: Schedule.comment, after: x}}",
            [
                '0.yaml:2:12: "upstream" has no value; write one of: fhir, redox',
                '0.yaml:3:11: the join of Location finds nothing; give it "reference", or "text" and "names"',
                '0.yaml:3:69: "after" says nothing without "text"; delete it, or give the join of Practitioner a "text"',
            ],
        ),
        (
            "dialects: {}",
            [
                '0.yaml:1:1: "dialects" is not a key here; did you mean "dialect"?',
                '0.yaml:1:1: the key "dialect" is missing',
            ],
        ),
        ("dialect: {upstream: hl7}", ['0.yaml:1:21: "upstream" cannot be "hl7"; write one of: fhir, redox']),
        ("dialect: {page_size: {param: _count}}", ['0.yaml:1:22: the key "value" is missing']),
        ("dialect: {together: schedule}", ['0.yaml:1:21: "together" must be a list']),
        (
            "dialect: {joins: {Patient: {}}}",
            ['0.yaml:1:19: "Patient" is not a key here; write one of: Practitioner, Location, Organization'],
        ),
        (
            "dialect:\n  joins:\n    Location: {reference: Schedule..x, text: 'Sch edule', names: [Location.name, 'Loc()']}",
            [
                "0.yaml:3:27: \"Schedule..x\" is not a path: a field name is expected here, not '.x'",
                "0.yaml:3:46: \"Sch edule\" is not a path: ' edule' is not part of a path; the language has a.b, a[0], a.first() and a.where(x='y')",
                "0.yaml:3:82: \"Loc()\" is not a path: '()' is not part of a path; the language has a.b, a[0], a.first() and a.where(x='y')",
            ],
        ),
        (
            "dialect:\n  slots:\n    - {column: room}\n    - {column: room, value: Slot.id, of: Location}\n    - {column: room, value: 'a b'}\n    - {column: room, reference: [Slot.schedule, 'x y'], of: Location}\n    - {column: room, reference: Slot.schedule}",
            [
                '0.yaml:3:7: a way needs either "reference" or "value"',
                '0.yaml:4:7: "of" says which type of resource a "reference" leads to; give both or neither',
                "0.yaml:5:29: \"a b\" is not a path: ' b' is not part of a path; the language has a.b, a[0], a.first() and a.where(x='y')",
                "0.yaml:6:49: \"x y\" is not a path: ' y' is not part of a path; the language has a.b, a[0], a.first() and a.where(x='y')",
                '0.yaml:7:7: "of" says which type of resource a "reference" leads to; give both or neither',
            ],
        ),
        (
            "dialect:\n  joins:\n    Location: Schedule.actor\n    Practitioner:\n    Organization: []",
            [
                '0.yaml:3:15: "Location" must be a map (key: value) or a list',
                '0.yaml:4:18: "Practitioner" has no value; write a map (key: value) or a list',
                '0.yaml:5:19: "Organization" is empty; write a value',
            ],
        ),
        (
            "dialect:\n  joins:\n    Location: {references: Schedule.actor}\n    Practitioner: [{after: [x]}]",
            [
                '0.yaml:3:16: "references" is not a key here; did you mean "reference"?',
                '0.yaml:4:28: "after" must be text',
            ],
        ),
        (
            "dialect:\n  joins:\n    Location: {text: Schedule.comment}",
            ['0.yaml:3:5: the join of Location needs both "text" and "names", or neither'],
        ),
    ],
)
def test_each_fault_of_a_dialect(text: str, found: list[str]) -> None:
    assert loaded(text)[1] == found
