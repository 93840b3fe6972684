"""Section 2: the reverse direction, Redox bytes to Bundle bytes, beside the forward one on the same slots."""

from __future__ import annotations

import dataclasses
import json
import sys
from base64 import b32encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any

from benchmarks import ours
from benchmarks.bundles import CLINIC, Case, canvas_case, sample_case
from benchmarks.bundling import QUICK_SIZES, SIZES, WrongAnswer
from benchmarks.plain import utc_text
from benchmarks.report import Table, duration, ratio
from benchmarks.timing import Effort, interleaved
from gateway.core import fhir, window
from gateway.core.fhir import Link
from gateway.core.mapping import Wanted
from gateway.core.values import at_once
from gateway.tables.answer.site import SiteTables
from gateway.tables.build import Tables
from gateway.tables.build import Wanted as Site

BASE = "https://gateway.example/fhir/partner"
SELF = Link("self", f"{BASE}/Slot")
FORWARD = "forward: Bundle to Redox"
REVERSE = "reverse: Redox to Bundle"
BARE = "reverse, slots without an ID"


@lru_cache
def tables() -> SiteTables:
    """The shipped tables of a site whose upstream is Redox, compiled."""
    return Tables(None).build(Site("benchmark", "redox", CLINIC.key))


def told(case: Case, *, ids: bool = True) -> bytes:
    """Every Slot of the case, in its order and with its doubles, as Redox tells an open time; with ``ids``,
    under an ID such as the forward direction gives."""
    slots: list[dict[str, Any]] = []
    for searched in case.schedules:
        for entry in json.loads(searched.bundle)["entry"]:
            start, end = (datetime.fromisoformat(entry["resource"][each]) for each in ("start", "end"))
            minutes = (end - start) // timedelta(minutes=1)
            slot: dict[str, Any] = {"DateTime": utc_text(start), "Duration": minutes}
            if ids:
                slot["ID"] = f"{searched.schedule}~{slot['DateTime']}~{minutes}"
            slots.append({**slot, "Provider": searched.provider, "Location": searched.location})
    answer = {"Meta": {**case.meta, "EventType": "AvailableSlotsResponse"}, "AvailableSlots": slots}
    return json.dumps(answer, separators=(",", ":")).encode()


def prepare(case: Case, *, ids: bool = True) -> Callable[[], bytes]:
    """The gateway's own way back: shipped tables, all of it, all slots on one page.

    Tables and directory are there before the answer comes, and the search has been read.
    """
    lines = tuple(ours.line(each) for each in case.schedules)
    site = dataclasses.replace(tables(), schedules=lines)
    directory, fhir_server, body = site.directory(()), site.fhir_server, told(case, ids=ids)
    wanted = Wanted(window.to_utc_text(case.start), window.to_utc_text(case.end))
    assert fhir_server is not None

    def answer() -> bytes:
        entries = at_once(fhir_server.slots(body, directory, None, wanted, BASE))
        texts = [text for _, _, text in entries.slots]
        return fhir.bundle(texts, [SELF], None if entries.incomplete else len(texts))

    return answer


def plain(case: Case, *, ids: bool = True) -> dict[str, Any]:
    """What must come out, slow and obvious."""
    found: dict[tuple[datetime, int, int], dict[str, Any]] = {}
    order = {each.schedule: place for place, each in enumerate(case.schedules)}
    whose = [each for each in case.schedules for _ in json.loads(each.bundle)["entry"]]
    for searched, slot in zip(whose, json.loads(told(case, ids=ids))["AvailableSlots"], strict=True):
        start = datetime.fromisoformat(slot["DateTime"])
        if case.start <= start < case.end:
            key = (start, order[searched.schedule], slot["Duration"])
            found.setdefault(key, _entry(searched.schedule, slot, start))
    entries = [found[key] for key in sorted(found)]
    link = [{"relation": "self", "url": SELF.url}]
    head = {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "link": link}
    return {**head, "entry": entries}


def _entry(schedule: str, slot: dict[str, Any], start: datetime) -> dict[str, Any]:
    twelve = b32encode(sha256(schedule.encode()).digest()).decode()[:12].lower()
    name = f"{twelve}.{slot['DateTime'].replace(':', '')}.{slot['Duration']}"
    end = (start.astimezone(UTC) + timedelta(minutes=slot["Duration"])).astimezone(CLINIC)
    resource: dict[str, Any] = {
        "resourceType": "Slot",
        "id": name,
        "schedule": {"reference": f"Schedule/{schedule}"},
        "status": "free",
        "start": start.astimezone(CLINIC).isoformat(),
        "end": end.isoformat(),
    }
    if "ID" in slot:
        resource["identifier"] = [{"system": "urn:redox:slot", "value": slot["ID"]}]
    return {"fullUrl": f"{BASE}/Slot/{name}", "resource": resource, "search": {"mode": "match"}}


def sections(effort: Effort, *, quick: bool) -> list[Table]:
    """One table a case; raises :class:`WrongAnswer` before anything is timed."""
    cases = [sample_case(), *(canvas_case(size) for size in (QUICK_SIZES if quick else SIZES))]
    if not quick:
        cases.append(canvas_case(1_000, schedules=5))
    for case in cases:
        check(case, prepare)
    return [_table(case, effort) for case in cases]


def check(case: Case, program: Callable[..., Callable[[], bytes]]) -> None:
    """Raises :class:`WrongAnswer` where a program's answer is not the plain one."""
    for ids in (True, False):
        if json.loads(program(case, ids=ids)()) != plain(case, ids=ids):
            raise WrongAnswer(f"reverse, {case.name}: the Bundle is not as it should be")


def _table(case: Case, effort: Effort) -> Table:
    print(f"  reverse, {case.name} ...", file=sys.stderr, flush=True)
    calls = {FORWARD: ours.prepare(case), REVERSE: prepare(case), BARE: prepare(case, ids=False)}
    read = (sum(len(each.bundle) for each in case.schedules), len(told(case)), len(told(case, ids=False)))
    timings = interleaved(calls, effort)
    rows = []
    for (name, call), size in zip(calls.items(), read, strict=True):
        seconds = timings.median(name)
        sizes: Sequence[int] = (size // case.slots, len(call()) // case.slots)
        cells = (duration(seconds), duration(seconds / case.slots), ratio(timings.ratio(name, FORWARD)))
        rows.append((name, *cells, *map(str, sizes)))
    columns = ("direction", "median", "a slot", "to forward", "bytes read a slot", "bytes written a slot")
    return Table(f"Both directions: {case.name}", columns, tuple(rows))
