"""What the demo shows: the query, the searches, the answer, the times, and what to try next."""

from __future__ import annotations

import json
import shlex
from datetime import datetime, time
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import click
from pydantic import ValidationError

from gateway.cli import output
from gateway.cli.demo_run import Asked, Demo

_SLOTS_SHOWN = 12
_SHORT = 70  # queries up to this length stand on the line of their path
_DAYS = (1, 4)  # Tuesday, Friday, as the sample query prefers
_EARLIEST, _LATEST = time(9), time(11)  # its 10:00, and the hour of tolerance
_STAGES = {
    "read": "reading and checking the message",
    "directory": "Schedule, Practitioner, Location (then kept)",
    "slots": "Slot searches",
    "flow": "planning, translating, sorting",
}


def where(run: Demo) -> None:
    """What is running, and where."""
    click.echo()
    _line("simulated Canvas", run.url("sandbox"))
    _line("gateway", f"{run.url('gateway')}/redox")
    _line("health, metrics", f"{run.url('admin')}/healthz /readyz /metrics")


def tell(run: Demo, first: Asked, again: Asked) -> bool:
    """The whole story of the first query; whether its answer was right."""
    zone = run.application.sites[0].rules.zone
    _query(json.loads(run.query), zone)
    _searches(first)
    answer = _json(first.body)
    slots = answer.get("AvailableSlots") or []
    _answer(first, slots, zone)
    _times(first, again)
    _title("Checks")
    found = checks(first, zone)
    for right, text in found:
        word = click.style("ok   ", fg="green") if right else click.style("WRONG", fg="red", bold=True)
        click.echo(f"   {word}  {text}")
    return all(right for right, _ in found)


def next_steps(run: Demo) -> None:
    """Lines that work as they stand."""
    _title("Next, ask it yourself")
    click.echo("   " + curl(run.url("gateway"), run.token))
    click.echo()
    fault = shlex.quote('{"slot": {"kind": "status", "status": 503, "times": 3}}')
    click.echo("   Let the simulated Canvas fail for a moment, then ask again:")
    click.echo(f"   curl -sS {run.url('sandbox')}/sandbox/faults --data {fault}")
    click.echo()
    click.echo("   Ctrl-C ends it. Until then this is the gateway's log:")
    click.echo()


def curl(url: str, token: str) -> str:
    """The command that sends the sample query."""
    sample = shlex.quote(f"@{output.SAMPLE_QUERY}")
    headers = f"-H 'verification-token: {token}' -H 'Content-Type: application/json'"
    return f"curl -sS {url}/redox {headers} --data {sample}"


def _query(query: dict[str, Any], zone: ZoneInfo) -> None:
    _title("1  The query: Redox asks, as in its documentation")
    meta, visit = query["Meta"], query["Visit"]
    place, kind, wish = visit["Locations"][0], visit["VisitType"][0], visit["VisitPreference"][0]
    start = datetime.fromisoformat(query["StartDateTime"]).astimezone(zone)
    _line("event", f"{meta['DataModel']}.{meta['EventType']}")
    _line("to", f"{meta['Destinations'][0]['Name']} ({meta['Destinations'][0]['ID']})")
    _line("from", f"{start:%a %d %b %Y, %H:%M} at the clinic ({zone.key}); no end given: 7 days")
    _line("where", f"{place['Facility']}, department {place['Department']}, room {place['Room']}")
    _line("visit type", f"{kind['Code']} {kind['Codeset']} ({kind['Description']})")
    days, times = " or ".join(wish["Day"]), " or ".join(wish["Time"])
    _line("preferred", f"{wish['Duration']} {wish['DurationUnit']}, on {days}, at about {times}")


def _searches(asked: Asked) -> None:
    _title("2  The FHIR requests that it became")
    for seen in asked.searches:
        params = [f"{name}={value}" for name, value in parse_qsl(seen.query, keep_blank_values=True)]
        short = len(seen.query) <= _SHORT
        path = f"{seen.path}?{'&'.join(params)}" if params and short else seen.path
        click.echo(f"   {seen.status}  {seen.method:<4}  {click.style(path, fg='cyan')}")
        for number, param in enumerate(() if short else params):
            click.echo(click.style(f"{' ' * 18}{'?&'[number > 0]}{param}", fg="cyan"))


def _answer(asked: Asked, slots: list[Any], zone: ZoneInfo) -> None:
    _title(f"3  The answer: HTTP {asked.status}, {output.plural(len(slots), 'open time')}")
    for slot in slots[:_SLOTS_SHOWN]:
        begin = datetime.fromisoformat(slot["DateTime"]).astimezone(zone)
        who, at = slot.get("Provider", {}), slot.get("Location", {})
        name = " ".join([who.get("FirstName", ""), who.get("LastName", ""), *who.get("Credentials", [])])
        place = ", ".join(filter(None, (at.get("Facility"), at.get("Department"), at.get("Room"))))
        day = click.style(f"{begin:%a %d %b %Y  %H:%M}", bold=True)
        click.echo(f"   {day}  {slot['Duration']} min  {name}  {place}")
    if len(slots) > _SLOTS_SHOWN:
        click.echo(f"   and {len(slots) - _SLOTS_SHOWN} more")
    shown = slots[0] if slots else _json(asked.body)
    click.echo()
    click.echo("   The first of them, as Redox gets it:" if slots else "   As Redox gets it:")
    for line in json.dumps(shown, indent=2, ensure_ascii=False).splitlines():
        click.echo(click.style(f"   {line}", dim=True))


def _times(first: Asked, again: Asked) -> None:
    _title("Time")
    for stage, spent in first.log.get("stages", {}).items():
        click.echo(f"   {spent:8.1f} ms  {_STAGES.get(stage, stage)}")
    click.echo(f"   {first.seconds * 1000:8.1f} ms  the whole, as the caller sees it; with a new token")
    click.echo(f"   {again.seconds * 1000:8.1f} ms  the same query again")


def checks(asked: Asked, zone: ZoneInfo) -> list[tuple[bool, str]]:
    """What a right answer to the sample query is; each with whether it holds."""
    answer = _json(asked.body)
    slots = answer.get("AvailableSlots") or []
    begins = [datetime.fromisoformat(slot["DateTime"]).astimezone(zone) for slot in slots]
    wished = all(
        each.weekday() in _DAYS and _EARLIEST <= each.time().replace(tzinfo=None) <= _LATEST
        for each in begins
    )
    whole = not answer.get("Meta", {}).get("IsIncomplete")
    return [
        (asked.status == 200, f"status {asked.status}"),
        (bool(slots) and whole, f"{output.plural(len(slots), 'open time')}, nothing missing"),
        (wished, "all on a Tuesday or Friday from 9:00 to 11:00 at the clinic"),
        (_is_valid(asked.body), "a valid AvailableSlotsResponse by the package redox"),
    ]


def _is_valid(body: bytes) -> bool:
    from redox.scheduling import AvailableSlotsResponse

    try:
        AvailableSlotsResponse.model_validate_json(body)
    except ValidationError:
        return False
    return True


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _title(text: str) -> None:
    click.echo()
    click.secho(text, bold=True)


def _line(name: str, text: str) -> None:
    click.echo(f"   {name:<17} {text}")
