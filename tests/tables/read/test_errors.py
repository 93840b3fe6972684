"""The error table: which row speaks of a failure, and that every failure has one."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import DeadlineExceeded, UpstreamFailed, UpstreamFault, UpstreamUnavailable
from gateway.core.plan import Call, Failure, FailureKind
from gateway.files.marked import Fault
from gateway.tables.build import Tables, Wanted, _validator
from gateway.tables.read import errors
from gateway.tables.read.errors import ErrorRow
from gateway.tables.read.layers import Source

KINDS = get_args(FailureKind)
SHIPPED = Tables(None).build(Wanted("none", "canvas", "UTC")).errors


def row(failure: str, text: str = "t", **more: str) -> str:
    cells = {"failure": failure, "status": "502", "type": "query", "issue": "exception", "text": text, **more}
    return "  - {" + ", ".join(f'{name}: "{value}"' for name, value in cells.items()) + "}\n"


WHOLE = "".join(row(kind, f"any {kind}") for kind in KINDS)


def loaded(*tables: str) -> tuple[tuple[ErrorRow, ...], list[str]]:
    faults: list[Fault] = []
    sources = [
        Source(f"{n}.yaml", str(n), "errors", f"errors:\n{text}".encode()) for n, text in enumerate(tables)
    ]
    return errors.load(sources, _validator("error-table"), faults), [str(fault) for fault in sorted(faults)]


def told(rows: tuple[ErrorRow, ...], *failure: object) -> str:
    return errors.tell(rows, Failure(Call("Slot"), *failure)).issues[0].text  # type: ignore[arg-type]


def test_the_first_row_that_fits_speaks_and_a_higher_layer_speaks_first() -> None:
    rows, faults = loaded(
        row("status", "404", http="404") + row("status", "rule", code="business-rule") + WHOLE,
        row("status", "clinic's 404", http="404", code="not-found"),
    )
    assert faults == []
    assert told(rows, "status", 404, "not-found") == "clinic's 404"
    assert told(rows, "status", 404, "other") == "404"
    assert told(rows, "status", 422, "business-rule") == "rule"
    assert told(rows, "status", 422) == "any status"
    assert told(rows, "connect") == "any connect"
    assert [each.layer for each in rows][:2] == ["1", "0"]
    assert str(rows[0].mark) == "1.yaml:2:5"


def test_rows_of_the_token_endpoint_speak_of_it_alone() -> None:
    rows, faults = loaded(row("unauthorized", "No token.", at="token") + WHOLE)
    assert faults == []
    said = {"token": "the token endpoint answered with status 401"}
    refused = Failure(Call("Slot"), "unauthorized", 401, "invalid_client", **said)  # type: ignore[arg-type]
    error = errors.tell(rows, refused)
    assert error.issues[0].text == "No token. The token endpoint answered with status 401."
    assert error.upstream == UpstreamFault("token", "unauthorized", 401, "invalid_client")
    slow = Failure(Call("Slot"), "deadline", token="the token endpoint has not answered in time")
    assert (
        errors.tell(rows, slow).issues[0].text == "any deadline The token endpoint has not answered in time."
    )
    error = errors.tell(rows, Failure(Call("Slot"), "unauthorized", 401))
    assert error.issues[0].text == "any unauthorized"
    assert error.upstream == UpstreamFault("Slot", "unauthorized", 401, None)
    rows, faults = loaded(WHOLE + row("unauthorized", at="token"))
    assert len(faults) == 1 and "this row is never reached" in faults[0]


def test_the_shipped_rows_tell_every_failure_of_the_token_endpoint_as_such() -> None:
    for kind in KINDS:
        if kind != "breaker":
            failure = Failure(Call("Slot"), kind, 404, token="the token endpoint did it")
            text = errors.tell(SHIPPED, failure).issues[0].text
            assert text.startswith("This gateway got no access token"), kind
            assert text.endswith(" The token endpoint did it.")


def test_every_kind_of_failure_needs_a_row_that_fits_always() -> None:
    _, faults = loaded(
        row("status", http="404") + "".join(row(kind) for kind in KINDS if kind not in ("status", "breaker"))
    )
    assert [text.partition(": ")[2] for text in faults] == [
        'no row for "failure: breaker" without at, http, code and reason; add one',
        'no row for "failure: status" without at, http, code and reason; add one',
    ]


def test_a_row_behind_one_that_fits_more_is_never_reached() -> None:
    _, faults = loaded(WHOLE + row("status", http="404"))
    (fault,) = faults
    line = WHOLE.count("\n") + 2
    assert fault.startswith(f"0.yaml:{line}:5: this row is never reached: 0.yaml:")
    assert fault.endswith("fits all that it fits")


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"status": "200"}, '"status" cannot be "200"; write one of: '),
        ({"http": "4xx"}, '"http" cannot be "4xx"; write one HTTP status from 400 to 599'),
        ({"text": ""}, '"text" is empty; write a value'),
        ({"issue": "time-out"}, '"issue" cannot be "time-out"; did you mean "timeout"?'),
        ({"type": "transmision"}, '"type" cannot be "transmision"; did you mean "transmission"?'),
    ],
)
def test_each_fault_of_a_row(cells: dict[str, str], said: str) -> None:
    _, faults = loaded(row("status", **cells))
    assert len(faults) == 1
    assert said in faults[0]


@given(
    st.sampled_from(KINDS),
    st.none() | st.integers(400, 599),
    st.none() | st.sampled_from(["not-found", "business-rule", "exception", "x"]),
    st.none() | st.floats(0, 60),
)
def test_the_shipped_table_speaks_of_every_failure(
    kind: FailureKind, status: int | None, code: str | None, after: float | None
) -> None:
    error = errors.tell(SHIPPED, Failure(Call("Slot"), kind, status, code, after))
    wanted = {"deadline": DeadlineExceeded, "overloaded": UpstreamUnavailable, "breaker": UpstreamUnavailable}
    assert type(error) is wanted.get(kind, UpstreamFailed)
    assert error.retry_after == after
    (issue,) = error.issues
    assert issue.text.endswith(".")
    assert (code or "-") not in issue.text
