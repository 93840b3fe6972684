"""The typed Slot against the full validators, and answers against the `redox` package, on any Slot."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from fhir.resources.R4B.slot import Slot
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from redox.scheduling import AvailableSlotsResponse

from gateway.core.directory import Directory
from gateway.core.mapping import Wanted
from gateway.core.plan import Answer, Call
from gateway.core.redox import reply
from gateway.core.values import at_once
from gateway.tables.answer import reference as trace
from gateway.tables.answer.site import SiteTables
from gateway.tables.build import ANSWER, Tables, schemas
from gateway.tables.build import Wanted as Site
from tests import clinic
from tests.generated import fitting, spoilt

VIEW = schemas()["Slot"]
SCHEMA = Draft202012Validator(VIEW.root)
SITE: SiteTables = Tables(None).build(Site("none", "fhir-r4", "America/Los_Angeles"))
LINE = {"schedule": "s", "provider_id": "98", "provider_id_type": "NPI", "credentials": "MD PhD", "room": "1"}
# The fields of a Slot that rows read; of these alone the typed decoder and the validators can agree.
READ = (
    "resourceType",
    "id",
    "identifier",
    "schedule",
    "status",
    "start",
    "end",
    "appointmentType",
    "comment",
)
STARTS = ["2025-10-21T10:00:00-07:00", "2025-10-21T10:00:00Z", "2025-10-22T23:50:00.5+05:30", "2025-10-21"]
ENDS = [
    "2025-10-21T10:30:00-07:00",
    "2025-10-21T10:20:00Z",
    "2025-10-23T00:10:00.5+05:30",
    "2025-10-21T24:00:00Z",
]


@st.composite
def slots(draw: st.DrawFn) -> Any:
    """A Slot that its schema accepts but for its times, with all that may be in it."""
    slot = draw(fitting(VIEW, rich=5))
    slot["start"], slot["end"] = draw(st.sampled_from(STARTS)), draw(st.sampled_from(ENDS))
    slot["status"] = draw(st.sampled_from(["free", "free", "busy"]))
    slot["schedule"] = {"reference": draw(st.sampled_from(["Schedule/s", "Schedule/s", "s", "Schedule/t"]))}
    return slot


def collected(found: list[Any]) -> Any:
    page = json.dumps({"resourceType": "Bundle", "entry": [{"resource": each} for each in found]}).encode()
    block = SITE.answer.block(LINE)
    directory = Directory((LINE,), blocks=(block,))
    collector = SITE.collector(directory, (0,))
    usable = at_once(collector.add(Answer(Call("Slot"), (page,)), Wanted("0000", "9999-12-31T24")))
    unread = sum(collector.counts.get(name, 0) for name in ("malformed", "modified", "untold"))
    assert usable != (bool(found) and unread == len(found))
    return collector


def decodes(value: Any) -> bool:
    try:
        msgspec.json.decode(json.dumps(value), type=SITE.answer.resource)
    except msgspec.MsgspecError:
        return False
    return True


def resource_accepts(value: Any) -> bool:
    try:
        Slot.model_validate(value)
    except ValidationError:
        return False
    return True


def plain(value: Any) -> Any:
    return trace.to_redox(SITE.tables[ANSWER], SITE.answer_rows, value, LINE)


@settings(max_examples=80)
@given(st.lists(slots(), max_size=4))
def test_every_answer_is_valid_to_redox_and_is_what_the_plain_reference_gives(found: list[Any]) -> None:
    collector = collected(found)
    texts, between, cut = at_once(collector.texts(100))
    meta = clinic.sample()["Meta"]
    text = reply(meta, "AvailableSlotsResponse", "2025-10-21T00:00:00.000Z", texts, between, incomplete=cut)
    body = json.loads(text)
    AvailableSlotsResponse.model_validate(body, strict=True)
    assert Draft202012Validator(schemas()["AvailableSlotsResponse"].root).is_valid(body)
    mine = [each for each in found if each["schedule"]["reference"] in ("Schedule/s", "s")]
    wanted = [made.result for made in map(plain, mine) if made.result is not None]
    once = {(each["DateTime"], each["Duration"]): each for each in reversed(wanted)}
    assert body["AvailableSlots"] == [once[key] for key in sorted(once)]


@settings(max_examples=120)
@given(spoilt(slots()))
def test_the_typed_decoder_agrees_with_the_validators_on_what_rows_read(value: Any) -> None:
    """What both validators accept is decoded, and what is not decoded both refuse.

    Known differences, all of them the decoder's laxness about what no row depends on: it does not look at
    fields that no row reads; it takes null for a field that is not there, and a resource that does not say
    what it is for a Slot; and it leaves patterns and value sets (an instant's form, the codes of status) to
    the rows, which refuse what they cannot read.
    """
    read = {name: value[name] for name in READ if isinstance(value, dict) and name in value}
    if read.get("resourceType", "Slot") != "Slot":
        assert not decodes(read)
        return
    if SCHEMA.is_valid(read) or resource_accepts(read):
        needs = all(isinstance(read.get(name), str) for name in ("start", "end", "status"))
        reference = read["schedule"].get("reference") if isinstance(read.get("schedule"), dict) else None
        # A start given by an extension alone (`_start`) or a schedule by an identifier is FHIR, but not open
        # time that could be answered.
        assert decodes(read) == (needs and isinstance(reference, str))
    if not decodes(read):
        assert not (SCHEMA.is_valid(read) and plain(read).result is not None)


@settings(max_examples=80)
@given(spoilt(slots()))
def test_a_slot_is_taken_or_left_out_for_a_reason_that_quotes_nothing(value: Any) -> None:
    if not isinstance(value, dict) or value.get("resourceType") != "Slot":
        return
    collector = collected([value])
    taken = len(at_once(collector.texts(10))[0])
    counts = collector.counts
    names = ("malformed", "modified", "untold", "occupied", "mistaken", "stray")
    left_out = sum(counts.get(name, 0) for name in names)
    assert taken + left_out == counts["received"] == 1
    for issue in collector.issues:
        assert issue.path.startswith(("Slot", "Bundle"))
        assert "2025-10" not in issue.text
    if counts.get("malformed"):
        assert collector.issues[0].severity == "error"
