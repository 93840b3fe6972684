"""The directory: joined, looked up, and what is said of a name that nobody has."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.choosing import choose
from gateway.core.directory import Directory, Want, join, shown
from gateway.core.errors import Issue
from gateway.core.nearest import folded

A = {"schedule": "a", "last_name": "Granite", "provider_id": "1", "provider_id_type": "NPI", "room": "1"}
B = {"schedule": "b", "last_name": "Slate", "provider_id": "1", "provider_id_type": "EHRID", "room": "2"}
C = {"schedule": "c", "last_name": "granite", "provider_id": "3", "room": "2"}
DIRECTORY = Directory((A, B, C))


def want(column: str, value: str, path: str = "Visit.Locations[0].Room", kind: str = "") -> Want:
    return Want(column, value, path, kind)


def chosen(*groups: tuple[tuple[Want, ...], ...], by_name: bool = True) -> tuple[int, ...]:
    positions, issues = told(DIRECTORY, groups, by_name=by_name)
    assert issues == ()
    return positions


def told(directory: Directory, groups: Any, *, by_name: bool) -> tuple[tuple[int, ...], tuple[Issue, ...]]:
    found = choose(directory, groups, by_name=by_name)
    return found.positions, found.issues


def test_a_filled_cell_of_the_site_wins_over_the_upstreams() -> None:
    own = [{"schedule": "a", "room": "9", "last_name": ""}]
    lines, issues = join([A, B], own, upstream_known=True)
    assert {line["schedule"]: line["room"] for line in lines} == {"a": "9", "b": "2"}
    assert lines[0]["last_name"] == "Granite"
    assert issues == ()


def test_a_line_that_the_upstream_does_not_list_is_left_out_only_where_its_list_is_known() -> None:
    lines, issues = join([A], [{"schedule": "z", "room": "9"}], upstream_known=True)
    assert [line["schedule"] for line in lines] == ["a"]
    assert [(issue.severity, issue.path) for issue in issues] == [("warning", "schedules.csv")]
    lines, issues = join([A], [{"schedule": "z", "room": "9"}], upstream_known=False)
    assert {line["schedule"] for line in lines} == {"a", "z"}
    assert issues == ()


def test_lines_stand_by_provider_then_place_then_schedule() -> None:
    upstream = [
        {"schedule": "2", "last_name": "b"},
        {"schedule": "1", "last_name": "B", "room": "2"},
        {"schedule": "3", "last_name": "a", "room": "9"},
    ]
    lines, _ = join(upstream, [], upstream_known=True)
    assert [line["schedule"] for line in lines] == ["3", "2", "1"]


def test_cells_are_compared_without_case_or_spacing() -> None:
    assert DIRECTORY.holding("last_name", "  GRANITE ") == {0, 2}
    assert DIRECTORY.holding("last_name", "Gran ite") == set()
    assert DIRECTORY.holding("nothing", "x") == set()


@given(st.text(max_size=20), st.text(max_size=20))
def test_holding_finds_just_what_is_equal_when_folded(cell: str, asked: str) -> None:
    directory = Directory(({"schedule": "a", "room": cell},))
    assert (directory.holding("room", asked) == {0}) == (folded(cell) == folded(asked))


def test_nothing_wanted_is_everybody_in_order() -> None:
    assert chosen() == (0, 1, 2)
    assert chosen(()) == (0, 1, 2)


def test_groups_must_all_fit_and_alternatives_may() -> None:
    granite, slate = (want("last_name", "granite"),), (want("last_name", "slate"),)
    assert chosen((granite,)) == (0, 2)
    assert chosen((granite, slate)) == (0, 1, 2)
    assert chosen((granite, slate), ((want("room", "2"),),)) == (1, 2)
    assert chosen(((want("last_name", "granite"), want("room", "2")),)) == (2,)


def test_an_id_is_looked_for_under_its_type() -> None:
    path = "Visit.AttendingProviders[0].ID"
    assert chosen(((want("provider_id", "1", path, "NPI"),),)) == (0,)
    assert chosen(((want("provider_id", "1", path),),)) == (0, 1)
    # A line that does not say the type of its ID fits any.
    assert chosen(((want("provider_id", "3", path, "NPI"),),)) == (2,)


def test_a_provider_is_found_by_the_id_and_type_that_an_answer_tells() -> None:
    # EHRID is the type of the column `practitioner` too; B's provider_id is of that type.
    path = "Visit.AttendingProviders[0].ID"
    directory = Directory(({**A, "practitioner": "p"}, B))
    for value, positions in (("p", (0,)), ("1", (1,))):
        assert told(directory, [((want("practitioner", value, path, "EHRID"),),)], by_name=False) == (
            positions,
            (),
        )


def test_what_nobody_has_is_an_issue_at_its_field() -> None:
    positions, (issue,) = told(
        DIRECTORY, [((want("last_name", "Slater", "Visit.X[0].LastName"),),)], by_name=True
    )
    assert positions == ()
    assert str(issue) == (
        'Visit.X[0].LastName: "Slater" is not a last name of this site; the nearest known: "Slate"'
    )


def test_an_id_that_is_known_under_another_type_is_told_with_that_type() -> None:
    directory = Directory((A, {**B, "provider_id": "7"}))
    path = "Visit.X[0].ID"
    for value, kind, known in (("7", "NPI", "EHRID"), ("1", "EHRID", "NPI")):
        _, (issue,) = told(directory, [((want("provider_id", value, path, kind),),)], by_name=True)
        assert str(issue) == (
            f'{path}: "{value}" (IDType {kind}) is not a provider id of this site; '
            f'there its type is "{known}"'
        )


def test_without_anything_near_some_of_the_known_are_named() -> None:
    many = Directory(tuple({"schedule": str(n), "room": f"room {n}"} for n in range(7)))
    _, (issue,) = told(many, [((want("room", "xyzzy"),),)], by_name=True)
    assert issue.text.endswith('known: "room 0", "room 1", "room 2", "room 3", "room 4" and 2 more')
    _, (issue,) = told(many, [((want("department", "x"),),)], by_name=True)
    assert issue.text.endswith("the directory has none, so the site's schedules.csv must say it")


def test_groups_that_exclude_each_other_are_an_issue() -> None:
    slate = (want("last_name", "Slate", "Visit.AttendingProviders[0].LastName"),)
    positions, (issue,) = told(DIRECTORY, [(slate,), ((want("room", "1"),),)], by_name=True)
    assert positions == ()
    assert (issue.code, issue.path) == ("not-found", "Visit.Locations")


def test_names_count_only_without_an_id() -> None:
    base = "Visit.AttendingProviders[0]"
    name = want("last_name", "Nobody", f"{base}.LastName")
    identity = want("provider_id", "3", f"{base}.ID")
    assert chosen(((name, identity),)) == (2,)
    _, (issue,) = told(DIRECTORY, [((name,),)], by_name=False)
    assert issue.path == f"{base}.ID"


@pytest.mark.parametrize("value", ["a\nb\x00", "é" * 80])
def test_a_value_in_a_text_is_short_and_printable(value: str) -> None:
    text = shown(value)
    assert len(text) <= 60
    assert text.isprintable()


def test_one_that_nobody_is_beside_one_that_somebody_is_does_not_matter_unless_nothing_is_left() -> None:
    """Of several alternatives the known are answered; what is not is told, as is all if none is."""
    slate = (want("last_name", "Slate", "Visit.AttendingProviders[0].LastName"),)
    nobody = (want("last_name", "Nemo", "Visit.AttendingProviders[1].LastName"),)
    found = choose(DIRECTORY, [(slate, nobody)], by_name=True)
    assert found.positions == chosen((slate,))
    assert found.issues == ()
    assert [issue.path for issue in found.others] == ["Visit.AttendingProviders[1].LastName"]
    found = choose(DIRECTORY, [(nobody, nobody)], by_name=True)
    assert (found.positions, len(found.issues), found.others) == ((), 2, ())
    found = choose(DIRECTORY, [(slate, nobody), ((want("room", "nowhere"),),)], by_name=True)
    assert (len(found.issues), len(found.others)) == (1, 1)
