"""Every golden case, explained: each field of what is sent and answered has one origin, each field of the
message one outcome, and the values are those of the gateway."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.assemble import check_configuration
from gateway.core.errors import InvalidMessage
from gateway.explain.leaves import leaves
from gateway.explain.redox import Asked, explained, unreadable
from gateway.explain.told import OUTCOMES, Explained
from gateway.offline.canned import Canned
from gateway.offline.replayed import Recorded, Replayed
from gateway.offline.site import Offline, offline, reader
from tests.golden import recorded
from tests.golden.test_available_slots import CASES, CLINIC, NOT_RULES, NOW

BASE = "https://ehr.example"


def _configured(case: Path, folder: Path) -> Offline:
    site = {"dialect": "canvas", "timezone": "America/Los_Angeles"}
    if (case / "site.json").exists():
        site |= json.loads((case / "site.json").read_bytes())
    own = folder / "tables" / "sites" / "clinic"
    own.mkdir(parents=True)
    names = (case / "schedules.csv", CLINIC / "schedules.csv")
    shutil.copy(next(path for path in names if path.exists()), own)
    if (case / "tables").is_dir():
        shutil.copytree(case / "tables", own, dirs_exist_ok=True)
    rules = "".join(f", {name}: {value}" for name, value in site.items() if name not in NOT_RULES)
    config = folder / "gateway.yaml"
    config.write_text(
        "mappings: tables\nsites:\n"
        f"  - {{id: clinic, timezone: {site['timezone']}, redox: {{destination_ids: [d], "
        f"verification_token: 8f1c2be07d5a4936b1e4c07a95d2f683}}, upstream: {{dialect: {site['dialect']}, "
        f"base_url: '{BASE}', client_id: a, client_secret: b, token_url: '{BASE}/token'}}{rules}}}\n"
    )
    return offline(check_configuration(config, {}), 0, Canned())


def _told(case: Path, folder: Path) -> tuple[Explained, dict[str, Any]]:
    answers = recorded.read(case / "upstream")
    named = {each.to for each in answers}
    answers += [each for each in recorded.read(CLINIC / "upstream") if each.to not in named]
    given = [
        Recorded(
            each.to,
            each.asked,
            each.status,
            "deadline" if each.after else None,
            (each.body if isinstance(each.body, str) else json.dumps(each.body)).encode(),
        )
        for each in answers
    ]
    here = _configured(case, folder)
    here = Offline(here.site, here.tables, here.fhir_server, here.canned, replay=Replayed(given, BASE))
    value = json.loads((case / "request.json").read_bytes())
    answered = json.loads((case / "answer.json").read_bytes())
    try:
        message = reader().read(json.dumps(value).encode())
    except InvalidMessage as error:
        return unreadable(value, here, error), answered
    return explained(Asked(value, message, here, {}, NOW)), answered


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_each_field_has_one_origin_and_each_wish_one_outcome(case: Path, tmp_path: Path) -> None:
    told, answered = _told(case, tmp_path)
    message = json.loads((case / "request.json").read_bytes())
    assert [(each.path, each.value) for each in told.wishes] == list(leaves(message))
    assert all(each.outcome in OUTCOMES for each in told.wishes)
    assert all(each.row is not None or each.outcome == "unknown" for each in told.wishes)
    assert told.status == answered["status"]
    assert told.answer == answered["body"]
    assert sorted((each.path, str(each.value)) for each in told.fields) == sorted(
        (path, str(value)) for path, value in leaves(answered["body"])
    )
    for field in (*told.fields, *(each for sent in told.sent for each in sent.fields)):
        assert (field.row is not None) or field.made, field
        assert field.row is None or re.fullmatch(r".+\.yaml:\d+", field.row.place), field
        assert field.made or field.origins, field
