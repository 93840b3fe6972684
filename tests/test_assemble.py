"""Everything put together: one gateway for several sites, against a simulated Canvas."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp.test_utils import TestServer
from redox.scheduling import AvailableSlotsResponse

from gateway.assemble import Application, assemble, check_configuration
from gateway.assemble.application import shutdown_of
from gateway.assemble.redox_side import FLOWS
from gateway.core.errors import InvalidMessage, Unauthorized, UnknownDestination
from gateway.files.marked import Faults
from gateway.sandbox.canvas import canvas_app
from gateway.sandbox.control import REQUESTS
from gateway.sandbox.faults import FAULTS, Fault
from gateway.tables.answer import messages
from gateway.tables.read import field_tables
from gateway.web.exchange import Exchange
from gateway.web.logging import configure
from tests.clock import clock

SAMPLE = Path(__file__).parent / "samples" / "redox-available-slots.json"
DESTINATION = "af394f14-b34a-464f-8d24-895f370af4c9"
LOG_ID = "d9f5d293-7110-461e-a875-3beb089e79f3"
NOW = datetime(2025, 10, 21, 19, 0, 28, tzinfo=UTC)

SITE = """\
  - id: %(id)s
    timezone: America/Los_Angeles
    redox: {destination_ids: [%(destination)s], verification_token: 8d03b6f1e75a-of-%(id)s}
    upstream:
      dialect: canvas
      base_url: %(url)s
      token_url: %(url)s/auth/token/
      client_id: a
      client_secret: b
%(more)s"""
KEY = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"


def site(name: str, destination: str, url: str = "http://127.0.0.1:9", more: str = "") -> str:
    return SITE % {"id": name, "destination": destination, "url": url, "more": more}


def written(folder: Path, *sites: str, head: str = "") -> Path:
    path = folder / "gateway.yaml"
    path.write_text(head + "sites:\n" + "".join(sites))
    return path


def faults(path: Path, **environ: str) -> list[str]:
    with pytest.raises(Faults) as wrong:
        assemble(check_configuration(path, environ), clock=clock)
    return [str(each).removeprefix(f"{path.parent}/") for each in wrong.value.faults]


def message(**meta: Any) -> bytes:
    value = json.loads(SAMPLE.read_bytes())
    value["Meta"] |= meta
    return json.dumps(value).encode()


def destinations(*names: str | None) -> list[dict[str, str | None]]:
    return [{"ID": name, "Name": None} for name in names]


@pytest.fixture
async def canvas() -> AsyncIterator[TestServer]:
    server = TestServer(canvas_app(clock=clock))
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
async def application(tmp_path: Path, canvas: TestServer) -> AsyncIterator[Application]:
    """Two sites with the same tables and two destinations; the second has no schedules.csv."""
    url = str(canvas.make_url("/")).rstrip("/")
    path = written(tmp_path, site("demo", DESTINATION, url), site("other", "elsewhere", url))
    made = assemble(check_configuration(path, {}), clock=lambda: NOW)
    yield made
    await made.close()


def exchange() -> Exchange:
    return Exchange("made-here", "redox", "POST")


async def test_the_sample_is_answered(application: Application, canvas: TestServer) -> None:
    record = exchange()
    reply = await application.gateway.redox(
        SAMPLE.read_bytes(), allowed=frozenset({"demo"}), site=None, request=record
    )
    answer = json.loads(reply.body)
    AvailableSlotsResponse.model_validate(answer)
    assert answer["Meta"]["EventDateTime"] == "2025-10-21T19:00:28.000Z"
    assert len(answer["AvailableSlots"]) == reply.counts["slots"] == 6
    assert (record.request_id, record.site, record.event) == (LOG_ID, "demo", "AvailableSlots")
    assert record.table_hash == application.sites[0].tables.hash
    assert {"read", "directory", "slots", "flow"} <= set(record.stages)
    assert {each.request_id for each in canvas.app[REQUESTS].seen("/Slot")} == {LOG_ID}


async def test_the_site_of_the_url_must_be_the_one_of_the_destination(application: Application) -> None:
    both = frozenset({"demo", "other"})
    body = SAMPLE.read_bytes()
    reply = await application.gateway.redox(body, allowed=both, site="demo", request=exchange())
    assert reply.status == 200
    with pytest.raises(InvalidMessage, match=r'the address is for site "other", the message for a destin'):
        await application.gateway.redox(body, allowed=both, site="other", request=exchange())


@pytest.mark.parametrize(
    ("named", "error", "text"),
    [
        (destinations("nobody"), UnknownDestination, r'Destinations\[0\].ID: "nobody" is not a destination'),
        (destinations(DESTINATION, "elsewhere"), InvalidMessage, "Meta.Destinations: names 2 destinations"),
        (destinations(), InvalidMessage, r"Meta.Destinations\[0\].ID: is missing"),
        (destinations(None), InvalidMessage, r"Meta.Destinations\[0\].ID: is missing"),
        (destinations("elsewhere"), Unauthorized, "is not the one of this destination"),
    ],
)
async def test_destinations(application: Application, named: Any, error: Any, text: str) -> None:
    record = exchange()
    with pytest.raises(error, match=text):
        await application.gateway.redox(
            message(Destinations=named), allowed=frozenset({"demo"}), site=None, request=record
        )
    assert record.request_id == LOG_ID


async def test_letter_case_tells_no_destinations_apart(application: Application) -> None:
    body = message(Destinations=destinations(DESTINATION.upper()))
    reply = await application.gateway.redox(body, allowed=frozenset({"demo"}), site=None, request=exchange())
    assert reply.status == 200


async def test_a_message_with_faults_keeps_its_id(application: Application) -> None:
    record = exchange()
    with pytest.raises(InvalidMessage):
        await application.gateway.redox(
            message(EventType="Booked"), allowed=frozenset({"demo"}), site=None, request=record
        )
    assert record.request_id == LOG_ID


async def test_tokens_open_their_own_site(application: Application) -> None:
    assert application.gateway.opens("8d03b6f1e75a-of-demo") == {"demo"}
    assert application.gateway.opens("8d03b6f1e75a-of-nobody") is None
    assert application.gateway.opens("") is None


async def test_over_http_with_log_and_metrics(
    application: Application, canvas: TestServer, aiohttp_client: Any
) -> None:
    stream = io.BytesIO()
    client = await aiohttp_client(application.public(configure(stream)))
    headers = {"verification-token": "8d03b6f1e75a-of-demo", "Content-Type": "application/json"}
    async with client.post("/redox", data=SAMPLE.read_bytes(), headers=headers) as response:
        assert (response.status, response.headers["X-Request-Id"]) == (200, LOG_ID)
    canvas.app[FAULTS].set("slot", Fault(kind="status", status=500))
    for _ in range(6):
        async with client.post("/redox/demo", data=SAMPLE.read_bytes(), headers=headers) as response:
            assert response.status in (502, 503)
            assert (await response.json())["Meta"]["Errors"][0]["Type"] == "transmission"
    assert response.status == 503 and int(response.headers["Retry-After"]) >= 1
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["status"] for line in lines] == [200, 502, 502, 502, 502, 502, 503]
    assert (lines[0]["site"], lines[0]["counts"]["slots"], lines[0]["tables"]) == (
        "demo",
        6,
        application.sites[0].tables.hash,
    )
    page = application.metrics.exposition().decode()
    assert 'gateway_breaker_open{site="demo"} 1.0' in page
    assert 'gateway_upstream_calls_total{outcome="ok",site="demo",target="token"} 1.0' in page
    assert f'gateway_tables_info{{hash="{application.sites[0].tables.hash}",site="demo"}} 1.0' in page


async def test_fields_that_no_schema_has_are_counted_in_the_log_and_never_named(
    application: Application, aiohttp_client: Any
) -> None:
    stream = io.BytesIO()
    client = await aiohttp_client(application.public(configure(stream)))
    headers = {"verification-token": "8d03b6f1e75a-of-demo", "Content-Type": "application/json"}
    value = json.loads(SAMPLE.read_bytes())
    value["Meta"] |= {"Message": {"ID": 1}, "Transmission": {"ID": 2}}
    value["Visit"]["VisitPreference"] = [None, {**value["Visit"]["VisitPreference"][0], "Canary-Bixby": 1}]
    value["Patient"]["Canary-Bixby"] = "Canary-Bixby"
    async with client.post(
        "/redox", data=b"\xef\xbb\xbf" + json.dumps(value).encode(), headers=headers
    ) as response:
        answer = await response.json()
    async with client.post("/redox", data=SAMPLE.read_bytes(), headers=headers) as response:
        plain = await response.json()
    for each in (answer, plain):
        del each["Meta"]["EventDateTime"]
    assert (response.status, answer) == (200, plain)
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first["passed_over"] == {"Meta": 2, "Visit.VisitPreference[1]": 1, "Patient": 1}
    assert second["passed_over"] == {}
    assert b"Canary" not in stream.getvalue()


async def test_the_admin_application(application: Application, aiohttp_client: Any) -> None:
    client = await aiohttp_client(application.admin(configure(io.BytesIO())))
    async with client.get("/readyz") as response:
        assert (response.status, await response.json()) == (200, {"ready": True, "reasons": []})


def test_settings_reach_their_parts(tmp_path: Path) -> None:
    upstream = "      max_pages: 3\n"
    rules = "    default_duration_minutes: 45\n    preferences: order\n    providers_by_name: true\n"
    path = written(
        tmp_path,
        site("one", DESTINATION, more=upstream + rules + "    deadline_seconds: 7\n"),
        site("other", "elsewhere"),
        head="server: {shutdown_grace_seconds: 30}\n",
    )
    made = assemble(check_configuration(path, {}), clock=clock)
    first, second = made.sites
    assert (first.tables.max_pages, second.tables.max_pages) == (3, 20)
    assert {call.max_pages for call in first.tables.directory_calls()} == {3}
    rule = first.rules
    assert (rule.default_duration_minutes, rule.preferences, rule.providers_by_name) == (45, "order", True)
    lengths = [(each.rules.default_duration_minutes, each.rules.asked_minutes) for each in made.sites]
    assert lengths == [(45, 45), (20, None)]
    assert (first.deadline_seconds, str(rule.zone)) == (7, "America/Los_Angeles")
    assert first.tables.query is second.tables.query
    shutdown = shutdown_of(made.settings)
    assert (shutdown.grace_seconds, shutdown.finish_seconds) == (5, 25)


def test_unknown_dialects_and_tables_of_all_sites_at_once(tmp_path: Path) -> None:
    own = tmp_path / "own" / "sites" / "demo"
    own.mkdir(parents=True)
    (own / "changes.yaml").write_text("over: nothing\nrows: []\n")
    (own / "schedules.csv").write_text("schedule,rom\ns,1\n")
    second = site("other", "elsewhere").replace("dialect: canvas", "dialect: cavas")
    path = written(tmp_path, site("demo", DESTINATION), second, head="mappings: own\n")
    found = faults(path)
    assert found[0] == (
        'gateway.yaml:16:16: sites[1].upstream.dialect: there is no such dialect; did you mean "canvas"?'
    )
    assert found[1].startswith(
        'own/sites/demo/changes.yaml:1:7: there is no table "nothing" below this layer'
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "client_secret: b",
            "client_secret: b\n      source_id: s\n      destination_id: d",
            [
                "gateway.yaml:11:18: sites[0].upstream.source_id: is for Redox; the upstream of dialect "
                '"canvas" is a FHIR server',
                "gateway.yaml:12:23: sites[0].upstream.destination_id: is for Redox; the upstream of dialect "
                '"canvas" is a FHIR server',
            ],
        ),
        (
            "client_secret: b",
            "key_id: k\n      private_key: ${KEY}",
            [
                "gateway.yaml:11:20: sites[0].upstream.private_key: the private key for RS384 must be an "
                "unencrypted RSA key in PEM form"
            ],
        ),
        (
            "client_secret: b",
            "client_secret: b\n      ca_file: gateway.yaml",
            ["gateway.yaml:11:16: sites[0].upstream.ca_file: is not a PEM file of certificates"],
        ),
    ],
    ids=["keys-of-redox", "key-that-is-none", "certificates-that-are-none"],
)
def test_what_no_client_can_be_made_of(tmp_path: Path, old: str, new: str, expected: list[str]) -> None:
    path = written(tmp_path, site("demo", DESTINATION).replace(old, new))
    assert faults(path, KEY=KEY) == expected


def test_tls_of_the_public_listener(tmp_path: Path) -> None:
    certificate = trustme.CA().issue_cert("localhost")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    head = "server: {tls: {certificate_file: cert.pem, key_file: key.pem}}\n"
    made = assemble(
        check_configuration(written(tmp_path, site("demo", DESTINATION), head=head), {}), clock=clock
    )
    assert made.listen().tls is not None
    head = head.replace("cert.pem", "key.pem")
    assert faults(written(tmp_path, site("demo", DESTINATION), head=head)) == [
        "gateway.yaml:1:34: server.tls: the certificate and the key are no pair in PEM form "
        "without a passphrase"
    ]


def test_a_thousand_sites_share_what_is_compiled(tmp_path: Path) -> None:
    path = written(tmp_path, *(site(f"s{number}", f"d{number}") for number in range(1000)))
    made = assemble(check_configuration(path, {}), clock=clock)
    assert len({id(each.tables.query) for each in made.sites}) == 1
    assert len({id(each.tables.answer) for each in made.sites}) == 1


def test_faulty_tables_that_many_sites_share_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own" / "base").mkdir(parents=True)
    (tmp_path / "own" / "base" / "changes.yaml").write_text("over: nothing\nrows: []\n")
    loads = []

    def counted(*given: Any) -> Any:
        loads.append(given)
        return load(*given)

    load = field_tables.load
    monkeypatch.setattr(field_tables, "load", counted)
    sites = (site(f"s{number}", f"d{number}") for number in range(200))
    assert len(faults(written(tmp_path, *sites, head="mappings: own\n"))) == 1
    assert len(loads) == 1


async def test_faults_of_shape_and_of_values_are_told_together(application: Application) -> None:
    value = json.loads(SAMPLE.read_bytes())
    value["Meta"]["Test"] = "x"
    value["Patient"]["Demographics"] = "Capricorn"
    value["Visit"]["Reasons"] = [[]]
    value["Visit"]["VisitPreference"][0] |= {"Duration": "soon", "Day": ["Tues", "Blursday"]}
    value["EndDateTime"] = "yesterday"
    del value["StartDateTime"]
    body = json.dumps(value).encode()
    with pytest.raises(InvalidMessage) as wrong:
        await application.gateway.redox(body, allowed=frozenset({"demo"}), site=None, request=exchange())
    assert [issue.path for issue in wrong.value.issues] == [
        "Meta.Test",
        "Patient.Demographics",
        "StartDateTime",
        "Visit.Reasons[0]",
        "Visit.VisitPreference[0].Duration",
        "Visit.VisitPreference[0].Day[1]",
        "EndDateTime",
    ]
    assert "Capricorn" not in str(wrong.value)
    # Who may not ask that site is told nothing of what its tables make of the values.
    with pytest.raises(InvalidMessage) as refused:
        await application.gateway.redox(body, allowed=frozenset({"other"}), site=None, request=exchange())
    assert len(refused.value.issues) == 4


def test_what_is_hardly_meant_is_remarked_and_served_all_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, site("demo", DESTINATION), head="mappings: tables\n")
    found = check_configuration(path, {})
    assert [str(each) for each in found.remarks] == [
        f"{path}:1:11: mappings: there is no such folder yet; only the tables of the package are used"
    ]
    (tmp_path / "tables" / "sites" / "demmo").mkdir(parents=True)
    (tmp_path / "tables" / "sites" / "demmo" / "x.yaml").write_text("over: directory\nrows: []\n")
    assert [each.text for each in check_configuration(path, {}).remarks] == [
        'no site has this id; did you mean "demo"?'
    ]


def test_an_event_has_a_schema_a_model_and_a_flow() -> None:
    schemas = set(messages.EVENTS.values())
    assert schemas == set(messages.MODELS)
    assert {event for _, event in messages.EVENTS} == set(FLOWS)
