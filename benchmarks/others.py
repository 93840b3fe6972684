"""The same job done with what one would otherwise pick, each program in that library's own manner.

Expressions, templates and models are compiled once, in ``prepare``; JSON is read and written with orjson
where the library does not bring its own. What a library cannot express is in its ``skips``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from benchmarks import plain
from benchmarks.bundles import Case, Searched
from benchmarks.plain import meta, utc_text
from benchmarks.programs import ALL_STEPS, Program

JSONATA = """
(
  $from := $toMillis($start); $until := $toMillis($end);
  $slots := bundle.entry.resource[resourceType = 'Slot' and status = 'free'][schedule.reference = $reference];
  $read := $slots.{"starts": $toMillis(start), "minutes": ($toMillis(end) - $toMillis(start)) / 60000};
  $open := $read[starts >= $from and starts < $until];
  $once := $open{$string(starts) & "~" & $string(minutes): $[0]} ~> $each(function($slot) { $slot });
  {
    "Meta": $meta,
    "AvailableSlots": [$once^(starts, minutes).{
      "DateTime": $fromMillis(starts),
      "Duration": minutes,
      "ID": $join(
        [$schedule, $fromMillis(starts), $string(minutes)], "~"
      ),
      "Provider": $provider,
      "Location": $location
    }]
  }
)
"""

LIQUID = """
{%- assign slots = bundle.entry | map: "resource" | where: "status", "free" -%}
{%- assign slots = slots | uniq: "start" | sort: "start" -%}
{"Meta":{{ meta | json }},"AvailableSlots":[
{%- assign between = "" -%}
{%- for slot in slots -%}
{%- if slot.resourceType == "Slot" and slot.schedule.reference == reference -%}
{%- assign time = slot.start | utc -%}
{%- if time >= window_start and time < window_end -%}
{%- assign minutes = slot.start | minutes_until: slot.end -%}
{{ between }}{"DateTime":"{{ time }}","Duration":{{ minutes }},
"ID":"{{ schedule }}~{{ time }}~{{ minutes }}",
"Provider":{{ provider }},"Location":{{ location }}}
{%- assign between = "," -%}
{%- endif -%}{%- endif -%}
{%- endfor -%}
]}
"""

FHIRPATH = (
    "entry.resource.where(resourceType = 'Slot' and status = 'free' and schedule.reference = %reference)"
)

JMESPATH = """
sort_by(entry[].resource | [?resourceType == 'Slot' && status == 'free' && schedule.reference == {reference}],
 &start)[].{{DateTime: start, ID: join('~', [{schedule}, start]), Provider: {provider}, Location: {location}}}
"""


def orjson_round_trip(case: Case) -> Callable[[], bytes]:
    """JSON itself: each Bundle read and written again."""
    import orjson

    [searched] = case.schedules
    return lambda: orjson.dumps(orjson.loads(searched.bundle))


def models(case: Case) -> Callable[[], bytes]:
    """fhir.resources reads and checks the Bundle, the `redox` models check and write the answer."""
    from fhir.resources.R4B.bundle import Bundle
    from redox.scheduling.availableslotsresponse import AvailableSlotsResponse

    def run() -> bytes:
        found: dict[str, tuple[datetime, Searched, int]] = {}
        for searched in case.schedules:
            bundle = Bundle.model_validate_json(searched.bundle)
            for entry in bundle.entry or ():
                slot: Any = entry.resource
                known = f"Schedule/{searched.schedule}"
                if (
                    slot.get_resource_type() != "Slot"
                    or slot.status != "free"
                    or slot.schedule.reference != known
                ):
                    continue
                if case.start <= slot.start < case.end:
                    minutes = (slot.end - slot.start) // timedelta(minutes=1)
                    slot_id = plain.slot_id(searched.schedule, slot.start, minutes)
                    found[slot_id] = slot.start, searched, minutes
        ordered = sorted(found.items(), key=lambda item: (item[1][0], item[1][1].provider["ID"], item[0]))
        answer = AvailableSlotsResponse.model_validate(
            {
                "Meta": meta(case, incomplete=False),
                "AvailableSlots": [
                    _slot(slot_id, start, minutes, searched)
                    for slot_id, (start, searched, minutes) in ordered
                ],
            }
        )
        return answer.model_dump_json(by_alias=True, exclude_unset=True).encode()

    return run


def jsonata(case: Case) -> Callable[[], bytes]:
    import orjson
    from jsonata import Jsonata

    [searched] = case.schedules
    expression = Jsonata(JSONATA)
    for name, value in _inputs(case, searched).items():
        expression.assign(name, value)

    def run() -> bytes:
        expression.assign("meta", meta(case, incomplete=False))
        return orjson.dumps(expression.evaluate({"bundle": orjson.loads(searched.bundle)}))

    return run


def liquid(case: Case) -> Callable[[], bytes]:
    """A template, with two filters of our own for what Liquid cannot do with times."""
    import orjson
    from liquid import Environment

    [searched] = case.schedules
    environment = Environment(extra=True)
    environment.add_filter("utc", lambda text: utc_text(datetime.fromisoformat(text)))
    environment.add_filter("minutes_until", _minutes)
    template = environment.from_string(LIQUID)
    inputs = {
        **_inputs(case, searched),
        "provider": orjson.dumps(searched.provider).decode(),
        "location": orjson.dumps(searched.location).decode(),
        "window_start": utc_text(case.start),
        "window_end": utc_text(case.end),
    }

    def run() -> bytes:
        bundle = orjson.loads(searched.bundle)
        return template.render(inputs, bundle=bundle, meta=meta(case, incomplete=False)).encode()

    return run


def fhirpath(case: Case) -> Callable[[], bytes]:
    """FHIRPath chooses the Slots; it cannot write, so plain Python does the rest."""
    import fhirpathpy
    import orjson

    [searched] = case.schedules
    choose = fhirpathpy.compile(FHIRPATH)
    inputs = _inputs(case, searched)
    return lambda: orjson.dumps(_written(case, searched, choose(orjson.loads(searched.bundle), inputs)))


def glom(case: Case) -> Callable[[], bytes]:
    import orjson
    from glom import Invoke, Iter, Spec

    [searched] = case.schedules
    reference = f"Schedule/{searched.schedule}"
    slot = {
        "DateTime": ("starts", utc_text),
        "Duration": "minutes",
        "ID": lambda read: plain.slot_id(searched.schedule, read["starts"], read["minutes"]),
        "Provider": lambda _: searched.provider,
        "Location": lambda _: searched.location,
    }
    spec = Spec(
        (
            "entry",
            Iter("resource")
            .filter(lambda slot: slot["resourceType"] == "Slot" and slot["status"] == "free")
            .filter(lambda slot: slot["schedule"]["reference"] == reference)
            .map(
                {
                    "starts": ("start", datetime.fromisoformat),
                    "minutes": Invoke(_minutes).specs("start", "end"),
                }
            )
            .filter(lambda read: case.start <= read["starts"] < case.end)
            .unique(lambda read: (read["starts"], read["minutes"])),
            lambda reads: sorted(reads, key=lambda read: (read["starts"], read["minutes"])),
            [slot],
        )
    )

    def run() -> bytes:
        slots = spec.glom(orjson.loads(searched.bundle))
        return orjson.dumps({"Meta": meta(case, incomplete=False), "AvailableSlots": slots})

    return run


def jmespath(case: Case) -> Callable[[], bytes]:
    import jmespath as library
    import orjson

    [searched] = case.schedules
    literals = {name: f"`{orjson.dumps(value).decode()}`" for name, value in _inputs(case, searched).items()}
    expression = library.compile(JMESPATH.format(**literals))

    def run() -> bytes:
        slots = expression.search(orjson.loads(searched.bundle))
        return orjson.dumps({"Meta": meta(case, incomplete=False), "AvailableSlots": slots})

    return run


def _inputs(case: Case, searched: Searched) -> dict[str, Any]:
    return {
        "reference": f"Schedule/{searched.schedule}",
        "schedule": searched.schedule,
        "provider": searched.provider,
        "location": searched.location,
        "start": utc_text(case.start),
        "end": utc_text(case.end),
    }


def _written(case: Case, searched: Searched, slots: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    for slot in slots:
        start = datetime.fromisoformat(slot["start"])
        if case.start <= start < case.end:
            minutes = _minutes(slot["start"], slot["end"])
            slot_id = plain.slot_id(searched.schedule, start, minutes)
            found[slot_id] = _slot(slot_id, start, minutes, searched)
    ordered = sorted(found.values(), key=lambda slot: (slot["DateTime"], slot["ID"]))
    return {"Meta": meta(case, incomplete=False), "AvailableSlots": ordered}


def _slot(slot_id: str, start: datetime, minutes: int, searched: Searched) -> dict[str, Any]:
    return {
        "DateTime": utc_text(start),
        "Duration": minutes,
        "ID": slot_id,
        "Provider": searched.provider,
        "Location": searched.location,
    }


def _minutes(start: str, end: str) -> int:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)) // timedelta(minutes=1)


OTHERS = (
    Program("orjson round trip", orjson_round_trip, ("orjson",), ALL_STEPS, translates=False),
    Program(
        "fhir.resources + redox models",
        models,
        ("fhir.resources", "redox"),
        ("optional rows", "malformed"),
        "checks every field of both models",
    ),
    Program("jsonata-python", jsonata, ("jsonata-python", "orjson"), ("optional rows", "malformed")),
    Program(
        "python-liquid",
        liquid,
        ("python-liquid", "orjson"),
        ("order", "optional rows", "malformed"),
        "sorts and tells doubles by the local text of the start; two filters of our own for times",
    ),
    Program(
        "fhirpathpy",
        fhirpath,
        ("fhirpathpy", "orjson"),
        ("optional rows", "malformed"),
        "chooses the Slots; Python writes the answer",
    ),
    Program(
        "glom",
        glom,
        ("glom", "orjson"),
        ("optional rows", "malformed"),
        "Python functions for times and conditions",
    ),
    Program(
        "jmespath",
        jmespath,
        ("jmespath", "orjson"),
        ("window", "doubles", "order", "UTC", "minutes", "ID", "optional rows", "malformed"),
        "cannot compute with times; sorts by local text",
    ),
)
