"""Who is shown what an upstream writes beside an error; nobody else sees it."""

from __future__ import annotations

import json

from gateway.core.plan import Call, Failure
from gateway.upstream.trouble import refused

from .conftest import MakeBench, Script, answer

OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [
        {"code": "invalid", "details": {"text": "No such\nparameter"}, "diagnostics": "npiNumber"},
        {"code": "invalid", "diagnostics": "try npi-number"},
    ],
}


def test_only_a_call_that_wants_them_has_them() -> None:
    trouble = refused(400, "invalid", None, json.dumps(OUTCOME).encode())
    assert trouble.failure(Call("Slot")).words == ""
    failure = trouble.failure(Call("Slot", words=True))
    assert failure.words.startswith("No such parameter")
    told = f"{failure!r} {failure.fault!r} {trouble}"
    assert "parameter" not in told and failure.fault.code == "invalid"


async def test_of_a_real_answer(script: Script, make: MakeBench) -> None:
    script.steps = [answer(OUTCOME, status=422), answer(OUTCOME, status=422)]
    client = make().client
    for wanted in (False, True):
        outcome = await client.call(Call("Slot", words=wanted), deadline=1e12, request_id="r")
        assert isinstance(outcome, Failure)
        assert (outcome.status, "npi-number" in outcome.words) == (422, wanted)
