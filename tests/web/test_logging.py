from __future__ import annotations

import io
import json
import logging
import re
import sys
import threading
import time
from typing import Any

import pytest

from gateway.core.errors import InvalidMessage, Issue, UpstreamFailed, UpstreamFault
from gateway.core.plan import Call, Failure
from gateway.web.exchange import Exchange
from gateway.web.logging import LibraryLog, configure, describe_fault, request_fields, take_strays

KEYS = [
    "ts",
    "level",
    "event",
    "request_id",
    "surface",
    "method",
    "route",
    "site",
    "client",
    "from",
    "peer",
    "redox_event",
    "status",
    "error",
    "upstream",
    "ms",
    "stages",
    "counts",
    "issues",
    "unchecked",
    "passed_over",
    "bytes_in",
    "bytes_out",
    "tables",
]


async def test_a_requests_line_has_exactly_these_keys(served: Any, headers: dict[str, str]) -> None:
    async with served.client.post(served.url("/redox/one?x=y"), json={}, headers=headers) as response:
        assert response.status == 200
    async with served.client.get(served.url()) as response:
        assert response.status == 401
    lines = served.lines()
    assert [list(line) for line in lines] == [KEYS, KEYS]
    answered = lines[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answered.pop("ts"))
    assert 0 < answered.pop("ms") < 1000
    assert len(answered.pop("request_id")) == 32
    assert answered == {
        "level": "info",
        "event": "request",
        "surface": "redox",
        "method": "POST",
        "route": "/redox/{site}",
        "site": "one",
        "client": "one,two",
        "from": "127.0.0.1",
        "peer": "127.0.0.1",
        "redox_event": "AvailableSlots",
        "status": 200,
        "error": None,
        "upstream": None,
        "stages": {"slots": 12.3},
        "counts": {"slots": 3},
        "issues": [],
        "unchecked": [],
        "passed_over": {},
        "bytes_in": 2,
        "bytes_out": 11,
        "tables": "abc",
    }


def test_an_upstreams_failure_is_told_by_its_target_status_and_code() -> None:
    error = UpstreamFailed(Issue("security", "", "secret text"))
    error.upstream = UpstreamFault("Practitioner/secret-id", "unauthorized", 403, "forbidden")
    fields = request_fields(Exchange("r", "redox", "POST"), 502, 0, 0.0, error)
    assert fields["upstream"] == {
        "target": "Practitioner",
        "failure": "unauthorized",
        "status": 403,
        "code": "forbidden",
        "reason": None,
    }
    assert "secret" not in str(fields)


@pytest.mark.parametrize("error", [None, UpstreamFailed(Issue("incomplete", "", "secret text"))])
def test_the_first_that_failed_is_told_where_an_answer_lacks_it(error: UpstreamFailed | None) -> None:
    exchange = Exchange("r", "redox", "POST")
    exchange.failures += [
        Failure(Call("Slot", (("schedule", "secret"),)), "status", status=422, code="not-supported"),
        Failure(Call("Schedule"), "unauthorized", status=401, token="secret"),
    ]
    fields = request_fields(exchange, 200, 0, 0.0, error)
    assert fields["upstream"] == {
        "target": "Slot",
        "failure": "status",
        "status": 422,
        "code": "not-supported",
        "reason": None,
    }
    assert exchange.failures[1].fault.target == "token"
    assert "secret" not in str(fields)


def test_issues_are_codes_and_paths_and_bounded() -> None:
    error = InvalidMessage(*(Issue("value", "Visit." + "x" * 500, "secret text") for _ in range(50)))
    fields = request_fields(Exchange("r", "redox", "POST"), 400, 0, 0.0, error)
    assert len(fields["issues"]) == 20
    assert all(len(issue) < 170 and "secret" not in issue for issue in fields["issues"])


def test_lines_below_the_level_are_not_written() -> None:
    stream = io.BytesIO()
    log = configure(stream, "warning")
    log.info("request")
    log.warning("request", x=1)
    assert [json.loads(line)["x"] for line in stream.getvalue().splitlines()] == [1]


def test_a_line_stays_one_line() -> None:
    stream = io.BytesIO()
    configure(stream).info("request", x="a\nb\u2028\x00")
    assert stream.getvalue().count(b"\n") == 1
    assert json.loads(stream.getvalue())["x"] == "a\nb\u2028\x00"


def test_pretty_lines_are_for_people() -> None:
    stream = io.BytesIO()
    configure(stream, pretty=True).info("request", status=200)
    assert re.search(rb"\d\d:\d\d:\d\d .*info.*request.*status=200\n", stream.getvalue())
    assert b"\x1b" not in stream.getvalue()  # colours only on a terminal


def test_a_fault_is_its_type_and_place() -> None:
    try:
        try:
            {}["secret"]
        except KeyError:
            raise ValueError("secret") from None
    except ValueError as caught:
        described = describe_fault(caught)
    assert described["fault"] == ["builtins.ValueError", "builtins.KeyError"]
    assert re.fullmatch(r".*test_logging\.py:\d+:test_a_fault_is_its_type_and_place", described["frames"][0])
    assert "secret" not in json.dumps(described)


def test_what_libraries_log_is_carried_over_without_its_arguments() -> None:
    stream = io.BytesIO()
    library = logging.Logger("some.library")
    library.addHandler(LibraryLog(configure(stream)))
    library.warning("slow call to %s", "secret")
    library.error("first line\nsecret second line")
    try:
        raise ValueError("secret")
    except ValueError:
        library.exception("secret in an f-string")
    library.debug("not written")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["level"], line["said"], line["logger"]) for line in lines] == [
        ("warning", "slow call to %s", "some.library"),
        ("error", "first line", "some.library"),
        ("error", "exception", "some.library"),
    ]
    assert lines[2]["fault"] == ["builtins.ValueError"]
    assert b"secret" not in stream.getvalue()


def test_what_nobody_is_there_to_take_is_logged_without_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)  # so that they are put back
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    stream = io.BytesIO()
    take_strays(configure(stream))

    class Finalized:
        def __del__(self) -> None:
            raise ValueError("secret")

    def broken() -> None:
        raise KeyError("secret")

    Finalized()
    thread = threading.Thread(target=broken)
    thread.start()
    thread.join()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["event"], line["level"], line["fault"]) for line in lines] == [
        ("fault", "error", ["builtins.ValueError"]),
        ("fault", "error", ["builtins.KeyError"]),
    ]
    assert lines[0]["frames"][-1].endswith(":__del__") and lines[1]["frames"][-1].endswith(":broken")
    assert b"secret" not in stream.getvalue()


def test_what_cannot_be_spelt_does_not_fail_whoever_logs_it() -> None:
    stream = io.BytesIO()
    endless: list[object] = []
    endless.append(endless)
    log = configure(stream)
    log.info("request", status=200, site="\ud800", other=object(), deep=endless)
    log.error("\ud800")
    configure(stream, pretty=True).info("request", site="\ud800")
    LibraryLog(log).emit(logging.LogRecord("x", 30, "", 0, _Unsayable(), (), None))
    first, second, third, fourth = stream.getvalue().splitlines()
    line = json.loads(first)
    assert (line["event"], line["status"], line["other"]) == ("request", 200, "object")
    assert line["site"] == "not to be written: str" and line["deep"] == "not to be written: list"
    assert json.loads(second)["level"] == "error"
    assert b"site=" in third
    assert json.loads(fourth)["said"] == "_Unsayable"


class _Unsayable:
    def __str__(self) -> str:
        raise ValueError("secret")


def test_a_line_costs_little() -> None:
    """The aim is 40 microseconds; the bound here only catches a change of kind, on a busy machine."""
    log, best = configure(io.BytesIO()), 1.0
    exchange = Exchange("r" * 36, "redox", "POST", "/redox", "one", "AvailableSlots", "abc")
    exchange.stages.update(directory=0.001, slots=0.1, flow=0.0002)
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(200):
            log.info("request", **request_fields(exchange, 200, 1000, 0.1, None))
        best = min(best, (time.perf_counter() - began) / 200)
    assert best < 200e-6
