"""What is asked of a search's result, apart from what is searched for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.chained import alternatives
from gateway.core.errors import InvalidMessage
from gateway.core.fhir import Interaction, Params
from gateway.core.search import Cursor, Search, included_types, page_params, take_apart

KNOWN = frozenset({"start", "schedule"})


def apart(*params: tuple[str, str], strict: bool = False, resource: str = "Slot") -> Search:
    return take_apart(Interaction("https://h", resource, None, params, strict), KNOWN, 1000)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a", ["a"]),
        ("a,b,a", ["a", "b", "a"]),
        (" a , b", ["a", "b"]),
        ("", []),
        (",,", []),
        (r"a\,b,c", ["a,b", "c"]),
        (r"a\|b\$c\\d", [r"a|b$c\d"]),
        (r"a\b", [r"a\b"]),
        ("a\\", ["a"]),
    ],
)
def test_alternatives(text: str, values: list[str]) -> None:
    assert alternatives(text) == values


@given(values=st.lists(st.text(min_size=1, max_size=4).map(str.strip).filter(bool), max_size=4))
def test_what_is_escaped_comes_back(values: list[str]) -> None:
    escaped = (value.replace("\\", "\\\\").replace(",", "\\,").replace("|", "\\|") for value in values)
    assert alternatives(",".join(escaped)) == values


def test_a_search_taken_apart() -> None:
    found = apart(
        ("start", "ge2025"),
        ("_count", "5"),
        ("_include", "Slot:schedule"),
        ("_include:iterate", "Schedule:actor"),
        ("_format", "json"),
        ("schedule", "x"),
        ("start", "lt2026"),
    )
    assert found == Search(
        (("start", "ge2025"), ("schedule", "x"), ("start", "lt2026")),
        5,
        False,
        frozenset({"Slot:schedule", "Schedule:actor"}),
        Cursor(),
        (),
    )


@pytest.mark.parametrize(
    ("params", "count", "counted"),
    [
        ((), 100, False),
        ((("_count", "1000"),), 1000, False),
        ((("_count", "999999999"),), 1000, False),
        ((("_count", "0"),), 0, True),
        ((("_summary", "count"),), 100, True),
        ((("_summary", "count"), ("_count", "7")), 7, True),
        ((("_summary", "false"),), 100, False),
    ],
)
def test_how_many(params: Params, count: int, counted: bool) -> None:
    found = apart(*params)
    assert (found.count, found.counted_only) == (count, counted)


def a_search(params: Params, includes: frozenset[str] = frozenset()) -> Search:
    return Search(params, 3, False, includes, Cursor(), ())


@given(before=st.integers(0, 9_999_999), order=st.integers(0, 9_999_999))
def test_a_cursor_comes_back_from_its_link(before: int, order: int) -> None:
    for resource, start in (("Slot", "2025-10-22T16:00:00.000Z"), ("Schedule", "")):
        cursor = Cursor(before, order, start, "abc.2025-10-22T160000.000Z.20.s-9")
        params = page_params(a_search((("start", "x"),)), cursor)
        found = apart(*params, resource=resource)
        assert (found.cursor, found.count, found.params) == (cursor, 3, (("start", "x"),))


def test_includes_come_back_from_a_link() -> None:
    for includes in (
        frozenset[str](),
        {"Slot:schedule"},
        {"Schedule:actor"},
        {"Slot:schedule", "Schedule:actor"},
        {"Slot:schedule:Schedule", "Schedule:actor:Practitioner"},
        {"Schedule:actor:Location", "Schedule:actor:Practitioner"},
    ):
        assert apart(*page_params(a_search((), frozenset(includes)), None)).includes == includes


@pytest.mark.parametrize(
    ("includes", "slots", "actors"),
    [
        ({"Slot:schedule"}, {"Schedule"}, set()),
        ({"Slot:schedule:Schedule", "Schedule:actor:Practitioner"}, {"Schedule"}, {"Practitioner"}),
        ({"Schedule:actor"}, set(), {"Practitioner", "Location"}),
        (set(), set(), set()),
    ],
)
def test_the_third_part_of_an_include_is_a_type(
    includes: set[str], slots: set[str], actors: set[str]
) -> None:
    assert included_types(frozenset(includes), "Slot:schedule") == slots
    assert included_types(frozenset(includes), "Schedule:actor") == actors


@pytest.mark.parametrize(
    "value", ["Slot:schedule:Practitioner", "Schedule:actor:Patient", "Slot:actor", "Slot"]
)
def test_what_cannot_be_included_is_told(value: str) -> None:
    found = apart(("_include", value))
    assert found.includes == frozenset()
    assert [issue.severity for issue in found.issues] == ["warning"]


@pytest.mark.parametrize("name", ["start:missing", "schedule:Schedule.actor", "schedule:"])
def test_a_modifier_that_is_not_supported_is_always_refused(name: str) -> None:
    with pytest.raises(InvalidMessage, match="this modifier is not supported"):
        apart((name, "x"))


def test_names_are_shown_short_and_clean() -> None:
    found = apart(("x\x00" + "y" * 100, "secret"))
    (issue,) = found.issues
    assert issue.path == "", "paths are logged, and a name is the client's own text"
    assert issue.text.startswith("x?" + "y" * 62 + ": is not a parameter")
    assert "secret" not in str(issue)
    with pytest.raises(InvalidMessage):
        apart(("x", "y"), strict=True)


def test_the_values_of_a_search_are_bounded() -> None:
    assert apart(("schedule", ",".join("a" * 400)), ("_count", "5")).count == 5
    with pytest.raises(InvalidMessage) as caught:
        apart(("schedule", ",".join("a" * 300)), ("schedule", ",".join("b" * 300)))
    assert str(caught.value) == ("the parameters have more than 500 values together; ask for fewer at a time")
