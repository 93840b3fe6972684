"""No query is answered with more than it asks: the unknown is refused, what nobody can tell is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.core.errors import NotKnownHere
from gateway.core.plan import Answer, Call, Outcome
from gateway.tables.answer.site import SiteTables
from tests import clinic
from tests.clinic import GRANITE_HOSPITAL, GRANITE_JUNIPER, HOSPITAL, JUNIPER, SLATE_HOSPITAL, Transcript

TYPES = """\
redox_code,redox_system,fhir_code,fhir_system,way,note
210,DNER15,308335008,http://snomed.info/sct,,
FU,,follow-up,,,
7,A,seven-a,,,
7,B,seven-b,,,
"""
GRANITE = {"ID": "4356789876", "IDType": "NPI"}
BARE = "schedule\n"


def made(
    folder: Path, types: str = "", csv: str = BARE, dialect: str = "canvas", layer: str = ""
) -> SiteTables:
    site = folder / "sites" / "clinic"
    (site / "codes").mkdir(parents=True)
    if types:
        (site / "codes" / "visit-types.csv").write_text(types, "utf-8")
    if layer:
        (site / "narrower.yaml").write_text(layer, "utf-8")
    return clinic.tables(folder, dialect, csv)


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    return made(tmp_path_factory.mktemp("typed"), TYPES)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> SiteTables:
    """Nothing but what Canvas tells: no departments, no specialties, no code table."""
    return made(tmp_path_factory.mktemp("bare"))


def types(mapping: SiteTables, *asked: Any) -> tuple[set[str], bool, list[str]]:
    """The types that are searched for, whether the answer is incomplete, and what is told."""
    codes = [{"Code": code, "Codeset": system} for code, system in asked]
    body, reply, played = clinic.ask(mapping, clinic.query(VisitType=codes), clinic.answering())
    found = {dict(call.params).get("appointment-type", "") for call in played.asked["slots"]}
    return found, body["Meta"].get("IsIncomplete", False), [str(each) for each in reply.issues]


@pytest.mark.parametrize(
    ("asked", "token"),
    [
        (("210", "DNER15"), "http://snomed.info/sct|308335008"),
        (("210", "dner15"), "http://snomed.info/sct|308335008"),
        (("210", None), "http://snomed.info/sct|308335008"),
        (("210", " "), "http://snomed.info/sct|308335008"),
        (("fu", "ANY"), "follow-up"),
    ],
)
def test_a_visit_type_is_known_by_its_code_alone_where_that_is_enough(
    typed: SiteTables, asked: Any, token: str
) -> None:
    assert types(typed, asked) == ({token}, False, [])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("211", "DNER15"), '"211" has no line in the code table visit-types; known: "210"'),
        (("210", "EPIC"), 'visit-types; there its codeset is "DNER15"'),
        (("7", None), 'visit-types; there its codeset is "A" or "B"'),
        (("dance", None), "known: "),
    ],
)
def test_a_visit_type_that_the_table_does_not_have_is_refused(
    typed: SiteTables, asked: tuple[str, str | None], told: str
) -> None:
    query = clinic.query(VisitType=[{"Code": asked[0], "Codeset": asked[1]}])
    error = clinic.refused(typed, query)
    assert isinstance(error, NotKnownHere)
    (issue,) = error.issues
    assert issue.path == "Visit.VisitType[0].Code"
    assert told in issue.text


def test_of_several_visit_types_the_known_are_answered(typed: SiteTables) -> None:
    found, incomplete, told = types(typed, ("dance", None), ("FU", None))
    assert (found, incomplete) == ({"follow-up"}, True)
    assert [each.partition(":")[0] for each in told] == ["Visit.VisitType[0].Code"]


def test_where_no_table_has_lines_a_visit_type_cannot_be_checked(bare: SiteTables) -> None:
    query = clinic.query(VisitType=[{"Code": "210"}, {"Code": "211"}])
    body, reply, played = clinic.ask(bare, query, clinic.answering())
    assert not any("appointment-type" in dict(call.params) for call in played.asked["slots"])
    assert "IsIncomplete" not in body["Meta"]
    assert reply.unchecked == ("Visit.VisitType.Code",)
    assert {(each.severity, each.code) for each in reply.issues} == {("warning", "informational")}


def schedules(mapping: SiteTables, **visit: Any) -> tuple[set[str], tuple[str, ...], bool]:
    body, reply, played = clinic.ask(
        mapping, clinic.query(**visit), clinic.answering(), providers_by_name=True
    )
    asked = {dict(call.params)["schedule"].removeprefix("Schedule/") for call in played.asked["slots"]}
    return asked, reply.unchecked, body["Meta"].get("IsIncomplete", False)


HERE = {GRANITE_HOSPITAL, SLATE_HOSPITAL}
DEPARTMENT, SPECIALTY = "Visit.Locations.Department", "Visit.Locations.SpecialtyDepartment.Code"


@pytest.mark.parametrize("field", ["Department", "SpecialtyDepartment"])
def test_a_department_is_a_place_where_the_directory_has_none(bare: SiteTables, field: str) -> None:
    def at(name: str) -> dict[str, Any]:
        return {field: name if field == "Department" else {"Code": name}}

    path = DEPARTMENT if field == "Department" else SPECIALTY
    assert schedules(bare, Locations=[at(HOSPITAL.upper())]) == (HERE, (), False)
    error = clinic.refused(bare, clinic.query(Locations=[at("Cardiology")]))
    assert isinstance(error, NotKnownHere)
    assert HOSPITAL in error.issues[0].text
    assert JUNIPER in error.issues[0].text
    # Where something else has narrowed it is told that nobody can tell.
    narrowed = schedules(bare, Locations=[{"Facility": HOSPITAL, **at("Cardiology")}])
    assert narrowed == (HERE, (path,), False)
    narrowed = schedules(bare, Locations=[at("Cardiology")], AttendingProviders=[GRANITE])
    assert narrowed == ({GRANITE_HOSPITAL, GRANITE_JUNIPER}, (path,), False)
    # One known place of two: the other's department is known to nobody.
    narrowed = schedules(bare, Locations=[at("Cardiology"), {"Facility": HOSPITAL}])
    assert narrowed == (HERE, (), True)


def test_where_there_are_departments_an_unknown_one_stays_unknown(tmp_path: Path) -> None:
    mapping = made(tmp_path, csv=clinic.SCHEDULES_CSV)
    query = clinic.query(Locations=[{"Facility": HOSPITAL, "Department": "Cardiology"}])
    assert isinstance(clinic.refused(mapping, query), NotKnownHere)
    query = clinic.query(Locations=[{"Department": HOSPITAL}])
    assert isinstance(clinic.refused(mapping, query), NotKnownHere)


@pytest.mark.parametrize(
    ("visit", "asked"),
    [
        (
            {"AttendingProviders": [GRANITE, {"ID": "1", "IDType": "NPI"}]},
            {GRANITE_HOSPITAL, GRANITE_JUNIPER},
        ),
        (
            {"AttendingProviders": [GRANITE, {"ID": "1", "IDType": "SSN"}]},
            {GRANITE_HOSPITAL, GRANITE_JUNIPER},
        ),
        ({"Locations": [{"Facility": "Nowhere"}, {"Facility": JUNIPER}]}, {GRANITE_JUNIPER}),
        ({"Locations": [{"Facility": "Nowhere", "ID": "l-2"}, {"ID": "l-1"}]}, {GRANITE_JUNIPER}),
    ],
)
def test_one_unknown_of_several_leaves_the_others(bare: SiteTables, visit: Any, asked: set[str]) -> None:
    assert schedules(bare, **visit) == (asked, (), True)


def test_a_place_is_known_by_its_other_names_and_a_schedule_by_its_specialties(tmp_path: Path) -> None:
    mapping = made(tmp_path, dialect="fhir-r4")
    place = {"resourceType": "Location", "id": "l-1", "name": JUNIPER, "alias": ["JSC", "The Juniper"]}
    special = [{"coding": [{"code": "394802001"}, {"code": "cardio"}]}, {"coding": [{"code": "ent"}]}]
    one = {
        "resourceType": "Schedule",
        "id": "one",
        "actor": [{"reference": "Location/l-1"}],
        "specialty": special,
    }
    two = {"resourceType": "Schedule", "id": "two", "actor": [{"display": "somebody"}]}
    told = {"Location": clinic.bundle(place), "Schedule": clinic.bundle(one, two)}

    def answer(call: Call) -> Outcome:
        return Answer(call, (told.get(call.target, clinic.bundle()),))

    def asked(**location: Any) -> str:
        played = Transcript(clinic.flow(mapping, clinic.query(Locations=[location])), answer)
        played.play()
        return ",".join(dict(call.params)["schedule"] for call in played.asked["slots"])

    for name in ("jsc", "the juniper", JUNIPER):
        assert asked(Department=name) == "Schedule/one"
    for code in ("394802001", "ENT", "cardio"):
        assert asked(SpecialtyDepartment={"Code": code}) == "Schedule/one"
    error = clinic.refused(mapping, clinic.query(Locations=[{"SpecialtyDepartment": {"Code": "x"}}]), answer)
    assert isinstance(error, NotKnownHere)


NARROWER = """\
over: available-slots.query
rows:
  - row: Visit.Locations.SpecialtyDepartment.Code
    param: specialty
"""


def test_what_one_location_asks_is_asked_of_its_own_schedules_only(tmp_path: Path) -> None:
    mapping = made(tmp_path, layer=NARROWER)

    def asked(*locations: Any) -> set[tuple[str, str]]:
        _, _, played = clinic.ask(mapping, clinic.query(Locations=list(locations)), clinic.answering())
        calls = [dict(call.params) for call in played.asked["slots"]]
        found = [(each["schedule"].removeprefix("Schedule/"), each.get("specialty", "")) for each in calls]
        assert len(found) == len(set(found))
        return set(found)

    heart, bones = ({"SpecialtyDepartment": {"Code": each}} for each in ("heart", "bones"))
    hospital, juniper = {"Facility": HOSPITAL}, {"Facility": JUNIPER}
    two = asked({**hospital, **heart}, {**juniper, **bones})
    assert two == {(GRANITE_HOSPITAL, "heart"), (SLATE_HOSPITAL, "heart"), (GRANITE_JUNIPER, "bones")}
    assert asked({**juniper, **heart}, {**juniper, **bones}) == {
        (GRANITE_JUNIPER, "heart"),
        (GRANITE_JUNIPER, "bones"),
    }
    # Whoever is asked for without it is not asked for with it as well.
    assert asked({**juniper, **heart}, juniper) == {(GRANITE_JUNIPER, "")}
    everywhere = {(each, "heart") for each in (GRANITE_HOSPITAL, SLATE_HOSPITAL, GRANITE_JUNIPER)}
    assert asked(heart) == everywhere
