"""What the parameters are called that bound a search: in the tables in force, or as a server declares."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway.core.plan import Answer, Call, Failure, Outcome
from gateway.probe.names import names
from gateway.probe.report import Declared, Names
from gateway.tables.build import Tables, Wanted
from tests import clinic
from tests.clinic import ZONE, bundle
from tests.probe.test_flow import by_reference, open_times, paste, probed, statement, verdicts


@pytest.mark.parametrize(
    ("dialect", "declared", "found"),
    [
        ("fhir-r4", {}, Names("start", "end", "")),
        ("canvas", {}, Names("start", "end", "duration")),
        ("canvas", {"slot-until": "date", "length": "number"}, Names("start", "end", "duration")),
        ("fhir-r4", {"end": "date", "duration": "number"}, Names("start", "end", "duration")),
        ("fhir-r4", {"endDate": "date", "visitLength": "quantity"}, Names("start", "endDate", "visitLength")),
        ("fhir-r4", {"slot-end-time": "date", "slot-end": "date"}, Names("start", "slot-end", "")),
        ("fhir-r4", {"end": "reference", "durations": "number", "length": "token"}, Names()),
        ("fhir-r4", {"gender": "string", "weekend": "string", "extended": "date"}, Names()),
    ],
)
def test_by_the_tables_else_as_it_is_declared(
    tmp_path: Path, dialect: str, declared: dict[str, str], found: Names
) -> None:
    tables = clinic.tables(tmp_path, dialect)
    assert names(tables, Declared(told=bool(declared), params={"Slot": declared})) == found


def own_names(call: Call) -> Outcome:
    """A server that bounds slots by whole days in parameters of its own, and makes them as long as asked."""
    if call.target == "metadata":
        found = statement(
            Slot=["from-day", "schedule", "status", "start", "end-day", "length", "service-type"], Schedule=[]
        )
        return Answer(call, (found,))
    if call.target != "Slot":
        return by_reference(call)
    sent = dict(call.params)
    if not {"start", "end-day"} <= sent.keys() or any(len(sent[each]) != 10 for each in ("start", "end-day")):
        return Failure(call, "status", status=400, code="value")
    minutes = int(sent.get("length", "20"))
    found = []
    for each in open_times(call):
        start = datetime.fromisoformat(each["start"])
        if sent["start"] <= start.astimezone(ZONE).date().isoformat() < sent["end-day"]:
            found.append({**each, "end": (start + timedelta(minutes=minutes)).isoformat()})
    return Answer(call, (bundle(*found),))


def test_what_a_server_calls_them_is_tried_and_advised(tmp_path: Path) -> None:
    report, _ = probed(tmp_path, own_names)
    assert not report.own_search and report.names == Names("start", "end-day", "length")
    advised = next(each for each in report.advice if each.file.endswith("query.yaml"))
    assert advised.because == (
        "searches here are bounded by start and end-day as days; slots can be asked for by length"
    )
    paste(tmp_path, report)
    query = Tables(tmp_path).build(Wanted("clinic", "fhir-r4", ZONE.key)).tables["available-slots.query"]
    assert [query.row(key).param for key in ("EndDateTime", "Visit.VisitPreference.Duration")] == [  # type: ignore[union-attr]
        "end-day",
        "length",
    ]
    again, play = probed(tmp_path, own_names)
    assert again.own_search and not again.failed
    assert verdicts(again)["start and end with days"] == "works"
    assert verdicts(again)["another length"] == "works"
    assert not [each for each in again.advice if each.file.endswith("query.yaml")]
    sent = {name for call in play.asked["trials"] for name, _ in call.params}
    assert "end" not in sent and "duration" not in sent
