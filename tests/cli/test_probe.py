"""``gateway probe`` against a simulated Canvas and a simulated Redox network, over real connections."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

REDOX_SECRET = "sandbox-secret-with-more-than-48-characters-in-it-0123456789"
REDOX = """\
mappings: own
sites:
  - id: partner
    timezone: America/Los_Angeles
    redox: {destination_ids: [d1], verification_token: 8d03b6f1e75a40b7}
    upstream:
      dialect: redox
      base_url: http://127.0.0.1:%(port)s
      token_url: http://127.0.0.1:%(port)s/v2/auth/token
      client_id: a
      algorithm: HS384
      key_id: k
      secret: %(secret)s
      source_id: s
      destination_id: af394f14-b34a-464f-8d24-895f370af4c9
"""


def port_of(process: Any) -> int:
    found = re.search(r":(\d+)$", process.stdout.readline())
    assert found is not None
    return int(found[1])


@pytest.fixture
def canvas(start: Any) -> Iterator[int]:
    yield port_of(start("sandbox", "--port", "0"))


@pytest.fixture
def redox(start: Any, tmp_path: Path) -> Iterator[tuple[int, Callable[..., Path]]]:
    port = port_of(start("sandbox", "--redox", "--port", "0"))

    def write(secret: str = REDOX_SECRET) -> Path:
        site = tmp_path / "own" / "sites" / "partner"
        site.mkdir(parents=True, exist_ok=True)
        (site / "schedules.csv").write_text("schedule,provider_id,provider_id_type\ngranite,4356789876,NPI\n")
        path = tmp_path / "redox.yaml"
        path.write_text(REDOX % {"port": port, "secret": secret})
        return path

    yield port, write


def requests_to(port: int) -> list[str]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/sandbox/requests")
    seen = json.loads(connection.getresponse().read())
    connection.close()
    return [f"{each['method']} {each['path']}" for each in seen]


def switch(port: int, fault: dict[str, Any]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/sandbox/faults", json.dumps(fault), {"Content-Type": "application/json"})
    assert connection.getresponse().status < 300
    connection.close()


def squeezed(page: str) -> list[str]:
    """The lines with single spaces: a column is as wide as its longest number, which is another each day."""
    return [" ".join(line.split()) for line in page.splitlines()]


def test_what_the_simulated_canvas_is(inside: Any, configured: Any, canvas: int) -> None:
    done = inside("probe", "--config", configured(upstream=canvas))
    assert done.returncode == 0
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    where = f"http://127.0.0.1:{canvas} (tokens from http://127.0.0.1:{canvas}/auth/token/)"
    assert lines[0].startswith(f"demo: dialect canvas (FHIR upstream at {where}), tables ")
    assert re.search(r"searches\.Practitioner\" +\S*canvas/dialect\.yaml:5:5 \(canvas\)\n", done.stdout)
    told = squeezed(done.stdout)
    for line in (
        "note Schedule: total says 8, found were 7.",
        "note Slots have no id; the gateway makes one of schedule, start and minutes.",
        "note Parameters that it does not know are ignored: a misspelt one looks as if it worked.",
        "Schedule 7 on 2 pages page size 5, total 8, next link: relative",
        'Location 7 of 7 by Schedule.comment, behind " at ", against Location.name, Location.alias',
        "department EHR 0 with schedules.csv 7 of 7",
        "Practitioner 5x http://hl7.org/fhir/sid/us-npi IDType NPI",
    ):
        assert line in told
    assert any(re.fullmatch(r"minutes 20 \(\d+\)", line) for line in told)
    text = "\n".join(told)
    assert re.search(r"\n5/6 Practitioner\.name\.first\(\)\.suffix row \"credentials\"", text)
    assert re.search(r"\nge and lt with times refused .*\(status 400, issue code value\)", text)
    assert re.search(r"\nstart and end with days \(as the tables do\) works the end is", text)
    assert re.search(r"\nanother length works all slots last 40 minutes duration=40", text)
    assert "Granite" not in done.stdout + done.stderr
    assert set(requests_to(canvas)) == {
        "POST /auth/token/",
        "GET /.well-known/smart-configuration",
        *(f"GET /{name}" for name in ("metadata", "Schedule", "Practitioner", "Location", "Slot")),
    }
    assert len(requests_to(canvas)) < 20


def test_what_is_advised_mends_a_dialect_that_does_not_fit(
    inside: Any, configured: Any, canvas: int, tmp_path: Path
) -> None:
    config = configured(upstream=canvas)
    text = config.read_text().replace("id: demo", "id: north").replace("dialect: canvas", "dialect: fhir-r4")
    (tmp_path / "own").mkdir()
    config.write_text("mappings: own\n" + text)
    done = inside("probe", "--config", config, "--json")
    assert done.returncode == 4
    told = json.loads(done.stdout)
    assert (told["ok"], told["own_search"]) == (False, False)
    assert told["findings"][0]["text"].startswith(
        "The Slot search of the tables was refused; this one was answered: schedule=Schedule/Location."
    )
    assert [each["file"] for each in told["advice"]] == [
        "sites/north/available-slots.query.yaml",
        "sites/north/dialect.yaml",
        "sites/north/schedules.csv",
    ]
    for each in told["advice"]:
        place = tmp_path / "own" / each["file"]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(each["text"])
    assert inside("check", "--config", config).returncode == 0
    again = inside("probe", "--config", config, "--json")
    assert again.returncode == 0
    found = json.loads(again.stdout)
    assert [each for each in found["findings"] if each["level"] == "fault"] == []
    assert [each["joined"] for each in found["joins"]] == [7, 7]
    assert [each["what"] for each in found["trials"] if each["own"]] == ["start and end with days"]


def test_a_search_that_fails_is_exit_code_4_with_the_rest_told(
    inside: Any, configured: Any, canvas: int
) -> None:
    switch(canvas, {"location": {"kind": "status", "status": 403}})
    done = inside("probe", "--config", configured(upstream=canvas))
    assert done.returncode == 4
    text = "The search for Location was not answered: our credentials were refused (status 403, "
    assert f"   fault  {text}issue code forbidden)." in done.stdout
    assert "7 of 7 by Schedule.actor" in "\n".join(squeezed(done.stdout))


def test_nobody_there(inside: Any, configured: Any) -> None:
    done = inside("probe", "--config", configured())
    assert done.returncode == 4
    assert done.stdout.splitlines()[1:] == [
        "",
        "Findings",
        "   fault  http://127.0.0.1:9 (tokens from http://127.0.0.1:9/auth/token/) answered none of the "
        "searches: there was no access token: the token endpoint could not be reached (nothing "
        "listens there); see host and port in upstream.base_url and upstream.token_url.",
    ]


def test_what_was_not_sampled_is_one_line_for_each_type(inside: Any, configured: Any, canvas: int) -> None:
    switch(canvas, {"practitioner": {"kind": "status", "status": 403}})
    done = inside("probe", "--config", configured(upstream=canvas))
    assert re.findall(r"\n   (no sample .*)", done.stdout) == ["no sample of Practitioner: 17 paths"]


def test_the_configuration_of_this_folder_is_told(inside: Any, configured: Any) -> None:
    configured().rename(configured().with_name("gateway.yaml"))
    done = inside("probe")
    assert done.stderr.splitlines() == [
        "Using gateway.yaml, site demo",
        "Asking the upstream of site demo ...",
    ]


def test_a_schedule_of_ones_own(inside: Any, configured: Any, canvas: int) -> None:
    config = configured(upstream=canvas)
    done = inside("probe", "--config", config, "--schedule", "Schedule/Location.9-Staff.nobody", "--json")
    assert done.returncode == 4
    told = json.loads(done.stdout)
    assert told["schedule"] == "Location.9-Staff.nobody"
    text = (
        "The search for Slot was not answered: refused or failed (status 404, issue code not-found). It wrote"
    )
    assert any(each["text"].startswith(text) for each in told["findings"])


def test_what_the_command_line_cannot_mean(inside: Any, configured: Any, tmp_path: Path) -> None:
    config = configured()
    done = inside("probe", "--config", config, "--site", "nowhere")
    assert done.returncode == 2
    assert re.search(r'There is no site "nowhere" in \S+; there are: demo\.', " ".join(done.stderr.split()))
    done = inside("probe", "--config", config, "--query")
    assert done.returncode == 2
    assert "--query is for a Redox upstream" in done.stderr
    (tmp_path / "faulty.yaml").write_text("sites: []\n")
    done = inside("probe", "--config", "faulty.yaml")
    assert (done.returncode, done.stdout) == (3, "")
    assert "nothing was asked" in done.stderr


def test_redox_is_asked_for_a_token_and_nothing_else(inside: Any, redox: Any) -> None:
    port, write = redox
    done = inside("probe", "--config", write())
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert "   token     ok" in lines
    assert "   metadata  Redox has none: fields and parameters are those of its Data Model" in lines
    assert requests_to(port) == ["POST /v2/auth/token"]


def test_a_token_endpoint_that_refuses(inside: Any, configured: Any, canvas: int) -> None:
    switch(canvas, {"token": {"kind": "status", "status": 401}})
    done = inside("probe", "--config", configured(upstream=canvas))
    assert done.returncode == 4
    assert "there was no access token: the token endpoint answered with status 401." in done.stdout
    assert "GET /Schedule" not in requests_to(canvas)


def test_redox_with_a_secret_that_it_does_not_know(inside: Any, redox: Any) -> None:
    _, write = redox
    done = inside("probe", "--config", write("another-secret-of-more-than-48-characters-0123456789-abc"))
    assert done.returncode == 4
    said = "the token endpoint answered with status 401, error invalid_client."
    assert f'   token     none: {said} It wrote: "the assertion is not a JWT signed by this key"' in (
        done.stdout.splitlines()
    )
    assert "another-secret" not in done.stdout + done.stderr


def test_what_is_for_an_ehr_is_refused_of_redox(inside: Any, redox: Any) -> None:
    port, write = redox
    for option in (("--schedule", "granite"), ("--start", "2026-03-02")):
        done = inside("probe", "--config", write(), "--query", *option)
        assert (done.returncode, done.stdout) == (2, "")
        assert "--schedule and --start are for a FHIR upstream" in done.stderr
    assert requests_to(port) == []


def test_redox_with_a_query(inside: Any, redox: Any) -> None:
    port, write = redox
    done = inside("probe", "--config", write(), "--query")
    assert done.returncode == 0
    assert re.search(r"\n   query     sent for schedule granite, 20\d\d-", done.stdout)
    assert re.search(r"\n +(\d+)/\1 +AvailableSlots\.DateTime +row \"DateTime\"", done.stdout)
    assert requests_to(port) == ["POST /v2/auth/token", "POST /endpoint"]
