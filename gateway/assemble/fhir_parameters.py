"""What a site's CapabilityStatement says of each search parameter: its type, and what it means here."""

from __future__ import annotations

from gateway.core.fhir_directory import DIRECTORY_PARAMETERS
from gateway.tables.answer.fhir_server import FhirServerTables
from gateway.web.exchange import SearchParameter

# Parameters of FHIR's own types; what is not listed is a token or a plain text.
_TYPES = {
    "start": "date",
    "end": "date",
    "duration": "number",
    "schedule": "reference",
    "schedule.actor": "reference",
    "actor": "reference",
    "name": "string",
    "family": "string",
    "given": "string",
}
_ID = "Its id; of several, by commas, any of them."
_OF_SLOTS = {
    "_id": "Its id; of several, by commas, any of them, at most 20. Each is asked for anew.",
    "start": (
        "When the slot begins, as a year, month, day, minute, second or instant, with eq, ge, gt, sa, lt, le "
        "or eb; without a prefix it is eq. Without an offset it is a time of the zone of each slot's "
        "schedule, whose offset the slot has. Without a lower bound slots are from now on, "
        "without an upper one those of as many days as the site has set."
    ),
    "end": (
        "Without a prefix the end of the time asked for: slots that begin before that day or instant. With "
        "eq, ge, gt, sa, lt, le or eb when the slot ends. Without an offset as start."
    ),
    "duration": "How long the slot is at least: minutes, or a length such as PT30M.",
    "schedule": "The schedule that the slot is of: Schedule/id or id; of several, by commas, any of them.",
    "schedule.actor": "Who works by the slot's schedule, or where: Practitioner/id or Location/id.",
    "schedule.actor:Practitioner.identifier": (
        "An identifier of who works by the slot's schedule, as system|value; without a system under any."
    ),
    "status": "Only slots that are free are found: free, or http://hl7.org/fhir/slotstatus|free.",
    "service-type": "The kind of visit, as system|code; codes that this site does not know find nothing.",
}
_OF_DIRECTORY = {
    "actor": "Whose schedule it is, or where: Practitioner/id or Location/id.",
    "actor:Practitioner.identifier": "An identifier of who works by the schedule, as identifier.",
    "identifier": "An identifier, as system|value, |value (without a system), system| or value.",
    "name": "The beginning of a name, or each word that of one; letter case and accents do not count.",
    "family": "The beginning of the family name; letter case and accents do not count.",
    "given": "The beginning of the given name; letter case and accents do not count.",
}


def searchable(fhir_server: FhirServerTables) -> dict[str, tuple[SearchParameter, ...]]:
    """The parameters of each type of resource that a site understands."""
    slots = tuple(_of_slots(each, fhir_server) for each in sorted(fhir_server.names | {"_id"}))
    others = {
        kind: tuple(SearchParameter(each, _type(each), {"_id": _ID, **_OF_DIRECTORY}[each]) for each in known)
        for kind, known in DIRECTORY_PARAMETERS.items()
    }
    return {"Slot": slots, **others}


def _of_slots(name: str, fhir_server: FhirServerTables) -> SearchParameter:
    """What a parameter of the site's own tables means is said by the note of its row."""
    search = fhir_server.search
    text = _OF_SLOTS.get(name) or search.notes.get(name) or "A parameter of this site's own."
    if others := search.beside.get(name):
        text += f" Beside {' or '.join(sorted(others))} a value without a prefix means from then on."
    return SearchParameter(name, _type(name), text)


def _type(name: str) -> str:
    return _TYPES.get(name, "token")
