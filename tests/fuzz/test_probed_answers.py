"""Whatever an upstream answers: the probe tells of it, and what is kept of it in a file can be translated."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec

from gateway.cli.summary import codes_of
from gateway.config import Site
from gateway.core import flows
from gateway.core.errors import GatewayError
from gateway.core.plan import Answer, Call, Outcome
from gateway.offline.canned import Canned, CannedBundle
from gateway.offline.site import Offline
from gateway.probe import Report, probe
from tests import clinic
from tests.fuzz.mangling import mangled
from tests.fuzz.scale import chance, inputs
from tests.fuzz.test_upstream_answers import Clinic
from tests.probe import test_flow as probing

STATEMENT = probing.statement(Slot=probing.SLOT_PARAMS, Schedule=[], Practitioner=["identifier"], Location=[])


def test_the_probe_tells_of_anything(tmp_path: Path) -> None:
    random = chance("probed answers")
    tables = clinic.tables(tmp_path, "fhir-r4")
    codes = codes_of(tmp_path, "fhir-r4", "clinic")
    for _ in range(inputs(40)):
        ehr = Clinic(random)
        spoilt = mangled(json.loads(STATEMENT), random)

        def answer(call: Call, ehr: Clinic = ehr, spoilt: bytes = spoilt) -> Outcome:
            return Answer(call, (spoilt,)) if call.target == "metadata" else ehr(call)

        flow = probe(probing.SITE, tables, codes, clinic.NOW, dialect="fhir-r4")
        report = msgspec.json.decode(clinic.Transcript(flow, answer).play().body, type=Report)
        assert report.site == "clinic"


def test_bundles_of_files_are_translated_or_refused(tmp_path: Path) -> None:
    random = chance("bundles of files")
    tables = clinic.tables(tmp_path)
    message = clinic.read(clinic.query(start="2025-10-22T00:00:00.000Z"))
    translated = 0
    for _ in range(inputs(100)):
        texts = [mangled(page, random) for page in Clinic(random).pages.values()]
        bundles = [CannedBundle(text, value) for text in texts if isinstance(value := _read(text), dict)]
        canned = Canned(tuple(bundles))
        offline = Offline(cast(Site, SimpleNamespace(id="clinic")), tables, None, canned)
        try:
            reply = offline.driven(flows.available_slots(message, clinic.rules(), tables, clinic.NOW))
        except GatewayError as error:
            assert error.issues
            continue
        translated += reply.status == 200
    assert translated


def _read(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
