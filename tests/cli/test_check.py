"""``gateway check``: everything that is wrong, at once and with its place."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

FAULTY = """\
sites:
  - id: north
    timezone: Mars/Olympus
    redox: {destination_ids: [d1], verification_token: "${NOT_SET}"}
    upstream: {dialect: canvas, base_url: "https://ehr.example", default: x}
  - id: south
    timezone: America/Chicago
    redox: {destination_ids: [d2], verification_token: 8d03b6f1e75a40b7}
    upstream: {dialect: canvass, base_url: "https://ehr.example"}
mappings: own
"""
FHIR = """\
sites:
  - id: north
    timezone: America/Chicago
    fhir: {clients: [{id: app, token_sha256: "abc"}]}
    upstream: {dialect: canvass, base_url: "https://ehr.example"}
"""
LEAST = """\
mappings: own
sites:
  - id: north
    timezone: America/Chicago
    redox: {destination_ids: [d1], verification_token: 2f6d0f1e8c9b4a57}
    upstream: {dialect: canvas, base_url: "https://ehr.example"}
"""
ROWS = """\
over: available-slots.query
rows:
  - row: StartDateTme
    param: begin
  - row: EndDateTime
    codec: something else!
"""


def test_without_a_configuration_the_demo_is_checked(gateway: Any) -> None:
    done = gateway("check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("the demo configuration: 1 site\n")
    assert "run there and back" in done.stdout
    assert "available-slots.query, StartDateTime: loses the time of day" in done.stdout
    assert "No faults" in done.stdout


def test_the_configuration_of_this_folder_is_the_usual_one(inside: Any, configured: Any) -> None:
    configured().rename(configured().with_name("gateway.yaml"))
    done = inside("check", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"], told["config"]) == (0, True, "gateway.yaml")
    assert told["sites"][0]["id"] == "demo"
    assert told["tables"][0]["hash"] == told["sites"][0]["tables"]


def test_all_faults_of_configuration_and_tables_at_once(gateway: Any, tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(FAULTY)
    (tmp_path / "own" / "sites" / "north").mkdir(parents=True)
    (tmp_path / "own" / "sites" / "north" / "changes.yaml").write_text(ROWS)
    done = gateway("check")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (3, "2 sites have faults, of 2")
    assert done.stderr.splitlines() == [
        "gateway.yaml:3:15: sites[0].timezone: is not an IANA time zone; "
        "write one such as America/Los_Angeles",
        "gateway.yaml:4:56: sites[0].redox.verification_token: the environment variable NOT_SET is not set",
        'gateway.yaml:5:66: sites[0].upstream: unknown key; "defaults" stands in the file\'s first level',
        'gateway.yaml:9:25: sites[1].upstream.dialect: there is no such dialect; did you mean "canvas"?',
        'own/sites/north/changes.yaml:3:10: there is no row "StartDateTme" below this layer; '
        'did you mean "StartDateTime" or "EndDateTime"?',
        'own/sites/north/changes.yaml:6:12: "something else!" is not a codec; '
        "write name or name(argument, argument)",
        "6 faults; the configuration cannot be served",
    ]


def test_faults_as_json(inside: Any, tmp_path: Path) -> None:
    (tmp_path / "g.yaml").write_text(FAULTY)
    (tmp_path / "own").mkdir()
    done = inside("check", "--config", "g.yaml", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"]) == (3, False)
    assert told["faults"][0] == {
        "file": "g.yaml",
        "line": 3,
        "column": 15,
        "text": "sites[0].timezone: is not an IANA time zone; write one such as America/Los_Angeles",
    }


def test_a_site_of_every_dialect_with_and_without_fhir_clients(inside: Any) -> None:
    config = Path(__file__).resolve().parents[1] / "samples" / "every-dialect" / "gateway.yaml"
    done = inside("check", "--config", config)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()[1:9]
    assert lines[1] == "           asks http://127.0.0.1:8081; token: none"
    assert lines[7] == "           asks http://127.0.0.1:8082; token: Redox's legacy key"
    assert [line.partition(", tables")[0] for line in lines[::2]] == [
        "  canvas   answers Redox and FHIR clients, dialect canvas (fhir), America/Los_Angeles, "
        "0 lines in schedules.csv",
        "  r4       answers Redox, dialect fhir-r4 (fhir), America/New_York, 0 lines in schedules.csv",
        "  oracle   answers Redox, dialect oracle-millennium (fhir), America/Chicago, "
        "1 line in schedules.csv",
        "  partner  answers FHIR clients, dialect redox (redox), America/Los_Angeles, "
        "2 lines in schedules.csv",
    ]
    told = json.loads(inside("check", "--config", config, "--json").stdout)
    assert [each["answers"] for each in told["sites"]] == [["redox", "fhir"], ["redox"], ["redox"], ["fhir"]]


def test_a_row_that_loses_but_has_no_example_is_not_among_those_run(inside: Any) -> None:
    told = json.loads(inside("check", "--json").stdout)["tables"][0]
    untold = {"table": "directory", "row": "place", "loses": "as schedule"}
    assert untold in told["lossy_without_example"] and untold not in told["lossy"]
    lines = inside("check").stdout.splitlines()
    assert "    directory, place: loses as schedule (no example)" in lines
    line = next(line for line in lines if "run there and back" in line)
    assert line.endswith(" without an example, of which 2 say that they lose something")


def test_a_dialect_that_no_site_speaks_is_told(inside: Any, configured: Any, tmp_path: Path) -> None:
    path = configured()
    path.write_text("mappings: own\n" + path.read_text())
    (tmp_path / "own" / "acme").mkdir(parents=True)
    (tmp_path / "own" / "canvas").mkdir()
    done = inside("check", "--config", path)
    assert done.stdout.splitlines()[-3:-1] == ["Dialects of your own that no site speaks: acme", ""]
    assert json.loads(inside("check", "--config", path, "--json").stdout)["dialects_not_in_use"] == ["acme"]


def test_what_is_wrong_with_fhir_clients_is_told_with_the_rest(inside: Any, tmp_path: Path) -> None:
    (tmp_path / "g.yaml").write_text(FHIR)
    done = inside("check", "--config", "g.yaml")
    assert done.returncode == 3
    places = [line.partition(" ")[0] for line in done.stderr.splitlines()]
    assert places == ["g.yaml:4:46:", "g.yaml:5:25:", "2"]


def test_no_such_file(inside: Any) -> None:
    done = inside("check", "--config", "nowhere.yaml")
    assert done.returncode == 3
    assert done.stderr.startswith("nowhere.yaml:1:1: cannot read this file: No such file")


def test_the_example_at_the_top_of_the_repository(inside: Any) -> None:
    top = Path(__file__).resolve().parents[2]
    done = inside("check", "--config", top / "gateway.example.yaml")
    assert done.returncode == 3
    assert [line.split(" ", 1)[1] for line in done.stderr.splitlines()[:-1]] == [
        "sites[0].redox.verification_token: the environment variable REDOX_VERIFICATION_TOKEN is not set",
        "sites[0].upstream.client_id: the environment variable CANVAS_CLIENT_ID is not set",
        "sites[0].upstream.client_secret: the environment variable CANVAS_CLIENT_SECRET is not set",
    ]


def test_a_pipe_is_a_fault_wherever_a_file_is_named(gateway: Any, tmp_path: Path) -> None:
    text = LEAST.replace("token: 2f6d0f1e8c9b4a57}", "token_file: pipe}").replace(
        "canvas,", "canvas, ca_file: pipe,"
    )
    (tmp_path / "g.yaml").write_text(
        f"server: {{tls: {{certificate_file: pipe, key_file: /dev/zero}}}}\n{text}"
    )
    (tmp_path / "own" / "base").mkdir(parents=True)
    for name in ("pipe", "own/base/changes.yaml", "own/base/schedules.csv"):
        os.mkfifo(tmp_path / name)
    done = gateway("check", "--config", "g.yaml")
    assert done.returncode == 3
    assert done.stderr.count("it is a pipe (FIFO), not a plain file") == 5, done.stderr
    assert "server.tls.key_file: cannot read this file: it is a device, not a plain file" in done.stderr


@pytest.mark.parametrize("command", ["check", "serve", "translate", "show"])
def test_a_usual_configuration_that_is_a_pipe_is_not_passed_over(
    gateway: Any, tmp_path: Path, command: str
) -> None:
    os.mkfifo(tmp_path / "gateway.yaml")
    more = {"translate": ["-"], "show": ["table"]}
    done = gateway(command, *more.get(command, []), stdin="{}")
    assert (done.returncode, done.stdout) == (3, "")
    assert "gateway.yaml:1:1: cannot read this file: it is a pipe (FIFO)" in done.stderr


@pytest.mark.parametrize("made", ["pipe", "link", "file"])
def test_what_is_no_folder_of_tables_is_a_fault(inside: Any, tmp_path: Path, made: str) -> None:
    match made:
        case "pipe":
            os.mkfifo(tmp_path / "own")
        case "link":
            (tmp_path / "own").symlink_to("own")
        case "file":
            (tmp_path / "own").write_text("")
    (tmp_path / "g.yaml").write_text(LEAST)
    done = inside("check", "--config", "g.yaml")
    said = "cannot be a folder: Too many levels of symbolic links" if made == "link" else "is not a folder"
    assert done.returncode == 3 and f"g.yaml:1:11: mappings: {said}" in done.stderr


def test_wishes_that_cannot_be_checked_are_told(inside: Any, configured: Any, tmp_path: Path) -> None:
    told = "not checked: Visit.VisitType.Code, as codes/visit-types.csv has no lines"
    folder = tmp_path / "mappings" / "codes"
    folder.mkdir(parents=True)
    for lines, said in (("", True), ("210,OV\n", False)):
        (folder / "visit-types.csv").write_text(f"redox_code,fhir_code\n{lines}")
        path = configured()
        north = path.read_text().replace("id: demo", "id: north")  # the shipped tables have lines for demo
        path.write_text(f"mappings: {folder.parent}\n{north}")
        done = inside("check", "--config", path)
        assert done.returncode == 0, done.stderr
        assert (told in done.stdout) == said


def test_wishes_that_a_clinic_ignores_are_told(inside: Any, configured: Any, tmp_path: Path) -> None:
    path = configured()
    told = "not looked at: Visit.Locations.Room, whatever a query says there"
    assert "not looked at" not in inside("check", "--config", path).stdout
    own = tmp_path / "own" / "sites" / "demo"
    own.mkdir(parents=True)
    dropped = "  - row: Visit.Locations.Room\n    drop: true\n"
    ignored = "  - ignore: Visit.Locations.Room\n    because: rooms change daily\n"
    (own / "query.yaml").write_text(f"over: available-slots.query\nrows:\n{dropped}{ignored}")
    path.write_text("mappings: own\n" + path.read_text())
    done = inside("check", "--config", path)
    assert done.returncode == 0, done.stderr
    assert told in done.stdout


def test_examples_of_the_package_that_are_in_force_are_told(
    inside: Any, configured: Any, tmp_path: Path
) -> None:
    path = configured()
    told = json.loads(inside("check", "--config", path, "--json").stdout)["sites"][0]
    assert [each.rpartition("sites/")[2] for each in told["examples_in_force"]] == [
        "demo/codes/visit-types.csv",
        "demo/schedules.csv",
    ]
    assert "  demo: in force are examples of the package: " in inside("check", "--config", path).stdout
    copied = tmp_path / "own" / "sites" / "north"
    copied.mkdir(parents=True)
    shipped = Path(__file__).resolve().parents[2] / "mappings" / "sites" / "demo" / "schedules.csv"
    path.write_text("mappings: own\n" + path.read_text().replace("id: demo", "id: north"))
    for text, said in ((shipped.read_text(), ["own/sites/north/schedules.csv"]), ("schedule\na\n", [])):
        (copied / "schedules.csv").write_text(text)
        told = json.loads(inside("check", "--config", path, "--json").stdout)["sites"][0]
        assert told["examples_in_force"] == said


def test_columns_that_are_empty_are_told_with_the_wishes_that_need_them(inside: Any, tmp_path: Path) -> None:
    (tmp_path / "own" / "sites" / "north").mkdir(parents=True)
    file = tmp_path / "own" / "sites" / "north" / "schedules.csv"
    (tmp_path / "g.yaml").write_text(LEAST)
    places = "Visit.AttendingProviders.Location.Department, Visit.Locations.Department"
    without = f"  north: not checked: {places}, as schedules.csv has no department, unless the EHR tells it"
    for text, said in (("schedule,room\na,1\n", True), ("schedule,department\na,\n", True)):
        file.write_text(text)
        assert (without in inside("check", "--config", "g.yaml").stdout.splitlines()) == said
    file.write_text("schedule,department,specialty\na,3N,394802001\n")
    assert "as schedules.csv has no" not in inside("check", "--config", "g.yaml").stdout
    told = inside("check", "--config", "g.yaml").stdout
    assert "  no lines in codes/facilities.csv: Meta.FacilityCode is looked for as it is\n" in told


def test_an_address_for_links_is_missed_where_fhir_clients_may_ask(inside: Any, tmp_path: Path) -> None:
    fhir = LEAST.replace(
        "redox: {destination_ids: [d1], verification_token: 2f6d0f1e8c9b4a57}",
        f"fhir: {{clients: [{{id: app, token_sha256: {'3b7e1d90' * 8}}}]}}",
    )
    said = "server.public_url is missing, and no proxy that may be in front is in server.trusted_proxies: "
    for text, told in (
        # A proxy on this machine is believed unless told otherwise.
        (fhir, False),
        ("server: {trusted_proxies: [unix]}\n" + fhir, False),
        ("server: {trusted_proxies: [10.0.0.1]}\n" + fhir, True),
        ("server: {trusted_proxies: []}\n" + fhir, True),
        # One on another is not.
        ("server: {host: 0.0.0.0}\n" + fhir, True),
        ("server: {host: 0.0.0.0, trusted_proxies: [10.0.0.0/8, '::1']}\n" + fhir, False),
        ('server: {public_url: "https://gateway.example"}\n' + fhir, False),
        (LEAST, False),
    ):
        (tmp_path / "g.yaml").write_text(text)
        (tmp_path / "own").mkdir(exist_ok=True)
        done = inside("check", "--config", "g.yaml")
        assert (done.returncode, said in done.stdout) == (0, told), done.stderr
