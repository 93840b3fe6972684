from __future__ import annotations

import pytest

from gateway.core.plan import Call, Failure
from gateway.upstream.trouble import plausible_code, refused


@pytest.mark.parametrize(
    ("status", "kind", "repeat", "down"),
    [
        (301, "protocol", "never", False),
        (400, "status", "never", False),
        (401, "unauthorized", "never", False),
        (403, "unauthorized", "never", False),
        (404, "status", "never", False),
        (429, "overloaded", "always", True),
        (500, "status", "idempotent", True),
        (501, "status", "never", True),
        (502, "status", "idempotent", True),
        (503, "overloaded", "idempotent", True),
        (504, "status", "idempotent", True),
    ],
)
def test_what_a_status_means(status: int, kind: str, repeat: str, down: bool) -> None:
    trouble = refused(status, "invalid", 3.0)
    assert (trouble.kind, trouble.repeat, trouble.down) == (kind, repeat, down)
    call = Call("Slot")
    after = 3.0 if kind == "overloaded" else None
    assert trouble.failure(call) == Failure(call, trouble.kind, status, "invalid", after)


@pytest.mark.parametrize("code", ["not-found", "invalid", "transmission", "invalid_client"])
def test_codes_pass(code: str) -> None:
    assert plausible_code(code) == code


@pytest.mark.parametrize("code", [None, 4, "", "Pat Granite is unknown", "a" * 41, "4", "x\n", "é"])
def test_what_is_no_code_does_not(code: object) -> None:
    assert plausible_code(code) is None
