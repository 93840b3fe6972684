"""The probe of a Redox upstream: one test query, if it is asked for; Redox has no metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from gateway.core.directory import shown
from gateway.core.flows import JSON, SiteRules
from gateway.core.mapping import Sought
from gateway.core.plan import Answer, Ask, Call, Failure, Flow, Outcome, Reply
from gateway.core.redox_flows import EVENT, Address
from gateway.core.window import add_days, to_utc_text
from gateway.core.wrote import words_of
from gateway.probe.findings import wrote
from gateway.probe.report import Fill, Finding, Report
from gateway.probe.samples import why
from gateway.tables.answer.site import SiteTables
from gateway.tables.rows import paths


def probe_redox(
    site: SiteRules,
    tables: SiteTables,
    now: datetime,
    *,
    dialect: str,
    address: Address | None,
    where: str = "",
) -> Flow:
    """Posts one AvailableSlots query for the site's first schedule to ``address``, without a patient.

    Without an address nothing is sent at all. ``where`` is told as whom the upstream is. The reply's body is
    a :class:`Report` as JSON.
    """
    report = Report(site.id, dialect, tables.hash, "redox", failed=False, address=where)
    if address is None or tables.fhir_server is None:
        return Reply(200, msgspec.json.encode(report), JSON)
    low, high = to_utc_text(now), to_utc_text(add_days(now, site.default_window_days, site.zone))
    minutes = site.asked_minutes
    lines = tables.schedules[:1]
    sought = Sought(low, high, minutes, (), {}, False, ())
    query = tables.fhir_server.write(sought, low, high, minutes, lines or None)
    body = msgspec.json.encode({"Meta": address.meta(now), **query})
    outcomes: tuple[Outcome, ...] = yield Ask("redox", (Call(EVENT, body=body, words=True),))
    report = replace(report, schedule=lines[0]["schedule"] if lines else "", search=f"{low} to {high}")
    return Reply(200, msgspec.json.encode(_told(report, tables, outcomes[0])), JSON)


def _told(report: Report, tables: SiteTables, outcome: Outcome) -> Report:
    if isinstance(outcome, Failure):
        finding = Finding("fault", f"The query was not answered: {why(outcome)}.{wrote(outcome.words)}")
        return replace(report, failed=True, findings=(finding,))
    answer = _answer(outcome)
    if answer is None:
        finding = Finding("fault", "The answer is not a JSON object with a list AvailableSlots.")
        return replace(report, failed=True, findings=(finding,))
    meta = answer.get("Meta")
    found = list(_meta(meta if isinstance(meta, dict) else {}))
    slots = [each for each in answer["AvailableSlots"] if isinstance(each, dict)]
    if not slots:
        found.append(Finding("note", "No slots came back, so nothing can be said of their fields."))
    failed = any(each.level == "fault" for each in found)
    return replace(report, failed=failed, findings=tuple(found), fills=_fills(tables, slots))


def _answer(outcome: Answer) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(outcome.pages[0])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    # An error of Redox's comes without the list.
    meta = value.get("Meta")
    if isinstance(meta, dict) and meta.get("Errors") and value.get("AvailableSlots") is None:
        return {**value, "AvailableSlots": []}
    return value if isinstance(value.get("AvailableSlots"), list) else None


def _meta(meta: Mapping[str, Any]) -> list[Finding]:
    found = []
    errors = meta.get("Errors")
    if errors:
        first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {}
        kind, module = (shown(str(first.get(name, "unknown"))) for name in ("Type", "Module"))
        text = f"The answer holds Meta.Errors: Type {kind}, Module {module}."
        found.append(Finding("fault", text + wrote(words_of(msgspec.json.encode(errors)))))
    if meta.get("IsIncomplete") is True:
        found.append(Finding("note", "The answer says IsIncomplete: not everything was returned."))
    event = meta.get("EventType")
    if event != "AvailableSlotsResponse":
        text = f'EventType of the answer is "{shown(str(event))}"; both spellings are accepted.'
        found.append(Finding("note", text))
    return found


def _fills(tables: SiteTables, slots: list[dict[str, Any]]) -> tuple[Fill, ...]:
    """For every row of the answer: in how many slots its Redox field is filled."""
    table = tables.tables["available-slots.answer"]
    rows = [row for row in table.rows if row.redox is not None and row.to_fhir]
    return tuple(
        Fill(
            f"AvailableSlots.{row.redox}",
            sum(1 for each in slots if row.redox is not None and _filled(paths.read(row.redox, each))),
            len(slots),
            table.name,
            row.key,
            f"{row.mark} ({row.layer})",
        )
        for row in rows
    )


def _filled(values: list[Any]) -> bool:
    return any(value != "" for value in values)
