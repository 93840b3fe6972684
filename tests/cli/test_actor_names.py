"""Names of actors out of Schedules: whatever these are like, and only where nothing better is known."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Generator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.actor_names import noting, with_names
from gateway.core.directory import Cells
from gateway.core.plan import Answer, Call, Failure, Remember

CONFIG = """\
mappings: own
sites:
  - id: north
    timezone: America/Los_Angeles
    redox: {destination_ids: [d1], verification_token: 8d03b6f1e75a40b7}
    upstream: {dialect: fhir-r4, base_url: "http://127.0.0.1:%(port)s"}
"""


def noted(*pages: bytes) -> dict[str, Cells]:
    def steps() -> Generator[Any, Any, Any]:
        built = yield Remember("directory", "k", 1.0, (), build=len)
        return built

    names: dict[str, Cells] = {}
    flow = noting(steps(), names)
    step = next(flow)
    answers = (Answer(Call("Schedule"), pages), Failure(Call("Location"), "deadline"))
    with pytest.raises(StopIteration) as ended:
        flow.send(step.build(answers))
    assert ended.value.value == 2
    return names


def page(*actors: Any, **more: Any) -> bytes:
    schedule = {"resourceType": "Schedule", "id": "a", "actor": list(actors), **more}
    return json.dumps({"resourceType": "Bundle", "entry": [{"resource": schedule}]}).encode()


@pytest.mark.parametrize(
    ("actor", "cells"),
    [
        ({"reference": "Practitioner/1", "display": "Pat  Granite,\nMD"}, {"last_name": "Pat Granite, MD"}),
        ({"reference": "https://ehr.example/r4/Location/2", "display": "Juniper"}, {"facility": "Juniper"}),
        ({"reference": "PractitionerRole/3", "display": "Slate"}, {"last_name": "Slate"}),
        ({"type": "Practitioner", "display": "Marsh"}, {"last_name": "Marsh"}),
        ({"reference": "Device/4", "display": "Scanner"}, None),
        ({"reference": "Practitioner/1"}, None),
        ({"reference": 7, "display": ["x"]}, None),
        ("Practitioner/1", None),
    ],
)
def test_by_the_type_of_the_actor(actor: Any, cells: Cells | None) -> None:
    assert noted(page(actor)) == ({"a": cells} if cells is not None else {})


def test_what_is_no_bundle_names_nobody() -> None:
    assert noted(b"", b"[]", b'{"entry": 1}', b'{"entry": [null, {"resource": 1}]}', page(id=[1])) == {}


def test_the_first_of_each_kind_where_nothing_is_known() -> None:
    names = noted(
        page(
            {"reference": "Practitioner/1", "display": "First"},
            {"reference": "Practitioner/2", "display": "Second"},
            {"reference": "Location/3", "display": "Juniper"},
        )
    )
    known = [{"schedule": "a", "last_name": "", "facility": "Juniper Street Clinic"}, {"schedule": "b"}]
    drafted = [{"schedule": "a", "room": "2"}, {"schedule": "b"}]
    assert with_names(drafted, known, names) == [
        {"schedule": "a", "room": "2", "last_name": "First"},
        {"schedule": "b"},
    ]


@pytest.fixture
def ehr() -> Iterator[int]:
    """A FHIR server that has one Schedule and lists nobody."""
    schedule = page(
        {"reference": "Practitioner/1", "display": "Pat Granite, MD"},
        {"reference": "Location/2", "display": "Juniper Street Clinic"},
    )

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            nobody = b'{"resourceType": "Bundle", "type": "searchset"}'
            body = schedule if self.path.startswith("/Schedule") else nobody
            self.send_response(200)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_told: Any) -> None:
            """Nothing is told."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_draft_of_an_ehr_that_lists_nobody(inside: Any, ehr: int, tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(CONFIG % {"port": ehr}, "utf-8")
    asked = ("directory", "pull", "--site", "north", "-o", "own/sites/north/schedules.csv")
    done = inside(*asked)
    assert done.returncode == 0, done.stderr
    [line] = csv.DictReader((tmp_path / asked[-1]).read_text("utf-8").splitlines())
    assert {name: cell for name, cell in line.items() if cell} == {
        "schedule": "a",
        "last_name": "Pat Granite, MD",
        "facility": "Juniper Street Clinic",
    }
    assert "names taken from Schedule.actor.display: of 1 schedule, as the EHR lists" in done.stderr
    written = (tmp_path / asked[-1]).read_text("utf-8")
    assert inside(*asked, "--force").returncode == 0
    assert (tmp_path / asked[-1]).read_text("utf-8") == written
