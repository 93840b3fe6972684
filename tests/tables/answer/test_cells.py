"""Cells of the directory through codecs, on their way to an EHR and to Redox."""

from __future__ import annotations

from pathlib import Path

from tests import clinic, partner

CODES = "redox_code,redox_system,fhir_code,fhir_system,way,note\nJSC,,Juniper,,,\n"
START, END = "2025-10-21T19:00:00.000Z", "2025-10-22T19:00:00.000Z"
LINES = ({"schedule": "a", "facility": "Juniper"}, {"schedule": "b", "facility": "Elsewhere"})


def codes(folder: Path) -> None:
    (folder / "sites" / "partner" / "codes").mkdir(parents=True)
    (folder / "sites" / "partner" / "codes" / "facilities.csv").write_text(CODES)


def test_redox_is_told_its_own_code_of_a_place(tmp_path: Path) -> None:
    codes(tmp_path)
    row = (
        "over: available-slots.query\nrows:\n  - row: Visit.Locations.Facility\n    codec: code(facilities)\n"
    )
    server = partner.fhir_server(partner.tables(tmp_path, csv="schedule,facility\na,Juniper\n", query=row))
    sought = server.read([])
    for line, told in zip(LINES, ({"Locations": [{"Facility": "JSC"}]}, {}), strict=True):
        visit = server.write(sought, START, END, 20, [line])["Visit"]
        assert {name: visit[name] for name in visit if name != "VisitPreference"} == told


def test_a_schedule_whose_cell_has_no_code_cannot_be_asked_for(tmp_path: Path) -> None:
    codes(tmp_path)
    row = """\
over: available-slots.query
rows:
  - row: the schedule asked
    drop: true
  - {key: by place, directory: facility, param: location, codec: code(facilities)}
"""
    # To this EHR a place goes by the code of Redox's side, turned about.
    text = "redox_code,redox_system,fhir_code,fhir_system,way,note\nJuniper,,j-1,,,\n"
    (tmp_path / "sites" / "partner" / "codes" / "facilities.csv").write_text(text)
    made = partner.tables(tmp_path, dialect="fhir-r4", csv="schedule\na\n", query=row)
    assert made.unaskable(LINES) == ("b",)
    asked = made.read_query(clinic.read(clinic.query()).body)
    searches = made.slot_searches(START, END, [20], asked, LINES)
    assert [dict(call.params)["location"] for call, _ in searches] == ["j-1"]


def test_a_list_of_redox_is_written_as_a_list(tmp_path: Path) -> None:
    row = """\
over: available-slots.query
rows:
  - row: Visit.VisitPreference.Day
    drop: true
  - {redox: Visit.VisitPreference.Day, param: day, way: to-redox, because: only FHIR clients send it}
  - row: ignore Visit.Reasons
    drop: true
  - {redox: Visit.Reasons, param: reason}
"""
    server = partner.fhir_server(partner.tables(tmp_path, query=row))
    sought = server.read([("day", "Monday"), ("reason", "a,b")])
    visit = server.write(sought, START, END, 20, None)["Visit"]
    assert visit["Reasons"] == ["a", "b"]
    assert visit["VisitPreference"][0]["Day"] == ["Monday"]
