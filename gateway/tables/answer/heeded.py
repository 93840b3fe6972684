"""Whether an EHR has heeded what it was asked: some servers pass over parameters that they do not know.

What the answer itself shows is checked again here: the codings of a Slot, or of its Schedule. What it does
not show may be told all the same, by the ``self`` link, which has the parameters that were used (FHIR R4,
search), and by warnings among the entries.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from gateway.core.chained import alternatives
from gateway.core.envelope import UNREADABLE
from gateway.core.plan import Answer
from gateway.core.values import AT_ONCE_BYTES, MOST_ANSWERED, Pieces, parts, values
from gateway.tables.answer.pages import PageError, PageReader

# Which element of a Slot each search parameter of FHIR R4 compares, and the column of its Schedule's.
_SHOWN: Final[Mapping[str, tuple[str, str]]] = {
    "service-type": ("serviceType", "service_type"),
    "service-category": ("serviceCategory", ""),
    "appointment-type": ("appointmentType", ""),
    "specialty": ("specialty", "specialty"),
}
_SORT: Final = "_sort"
_LONGEST_LINK: Final = 16 * 1024
_LONGEST_ENTRY: Final = 64 * 1024
_LONGEST_TEXT: Final = 4096  # of a warning, in which names are looked for

Params = Sequence[tuple[str, str]]
Coding = tuple[str, str]
Lookup = Callable[[str, str], set[Coding]]


@dataclass(slots=True)
class Heeded:
    """What one page shows. ``other`` entries, left out of ``content``, are of another kind than was asked
    for; ``untold`` are the parameters of which some slot does not show whether it is; ``ignored`` those that
    the EHR says it did not use."""

    content: bytes
    other: int = 0
    untold: set[str] = field(default_factory=set)
    ignored: set[str] = field(default_factory=set)


def kinds_asked(params: Params, guarded: frozenset[str]) -> bool:
    """Whether a search asks for what only the slots themselves can show. ``guarded`` are the parameters that
    are seen to elsewhere."""
    return any(name not in guarded for name, _ in params)


def heeded(content: bytes, params: Params, guarded: frozenset[str], of_schedule: Lookup) -> Pieces[Heeded]:
    """Looks through the page of an answer to a search by these parameters, a part after the other.

    ``of_schedule`` finds what the directory has in a column for the Schedule that a reference is to. A page
    that cannot be read is given back as it is.
    """
    found = Heeded(content)
    asked = {name: _tokens(value) for name, value in params if name not in guarded}
    if len(content) > AT_ONCE_BYTES and (yield from values(content, MOST_ANSWERED)) > MOST_ANSWERED:
        return found  # which nobody will read
    try:
        members: dict[str, msgspec.Raw] = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        entries = msgspec.json.decode(members.get("entry", msgspec.Raw(b"[]")), type=list[msgspec.Raw])
    except UNREADABLE:
        return found
    kept: list[msgspec.Raw] = []
    for number, part in enumerate(parts(entries)):
        if number:
            yield
        kept += [entry for entry in part if not _unlike(entry, params, asked, of_schedule, found)]
    if found.other:
        members["entry"] = msgspec.Raw(b"[%b]" % b",".join(kept))
        found.content = msgspec.json.encode(members)
    return found


def _unlike(
    entry: msgspec.Raw,
    params: Params,
    asked: Mapping[str, set[Coding]],
    of_schedule: Lookup,
    found: Heeded,
) -> bool:
    """Whether an entry is a Slot of another kind than was asked for. ``found``: what else it shows."""
    if len(memoryview(entry)) > _LONGEST_ENTRY:
        found.untold |= asked.keys()
        return False
    resource = _resource(entry)
    if resource.get("resourceType") == "OperationOutcome":
        found.ignored |= _warned(resource, params, asked)
    if resource.get("resourceType") == "Slot" and _other(resource, asked, of_schedule, found.untold):
        found.other += 1
        return True
    return False


def _resource(entry: msgspec.Raw) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(entry)
    except UNREADABLE:
        return {}
    resource = value.get("resource") if isinstance(value, dict) else None
    return resource if isinstance(resource, dict) else {}


def _other(
    slot: Mapping[str, Any], asked: Mapping[str, set[Coding]], of_schedule: Lookup, untold: set[str]
) -> bool:
    """Whether a slot, or its Schedule, says that it is none of what a parameter asks for."""
    for name, wanted in asked.items():
        element, column = _SHOWN.get(name, ("", ""))
        told = _codings(slot.get(element))
        if not told and column:
            reference = slot.get("schedule")
            named = reference.get("reference") if isinstance(reference, dict) else None
            told = of_schedule(named, column) if isinstance(named, str) else told
        if not told:
            untold.add(name)
        elif not any(_same(each, other) for each in told for other in wanted):
            return True
    return False


def _same(told: Coding, wanted: Coding) -> bool:
    return told[1] == wanted[1] and (told[0] == wanted[0] or "" in (told[0], wanted[0]))


def _codings(element: Any) -> set[Coding]:
    found = set()
    for concept in element if isinstance(element, list) else [element]:
        codings = concept.get("coding") if isinstance(concept, dict) else None
        for each in codings if isinstance(codings, list) else ():
            if isinstance(each, dict) and isinstance(each.get("code"), str):
                system = each.get("system")
                found.add((system if isinstance(system, str) else "", each["code"]))
    return found


def _tokens(value: str) -> set[Coding]:
    parts = (each.rpartition("|") for each in alternatives(value))
    return {(system, code) for system, _, code in parts}


def including(params: Params) -> bool:
    """Whether resources come along that are no matches of the search."""
    return any(name.startswith(("_include", "_revinclude")) for name, _ in params)


def came_by_start(answer: Answer, reader: PageReader, slots: type) -> Pieces[bool]:
    """Whether the slots of an answer stand by their start, and neither its ``self`` links nor a warning say
    that it was not sorted."""
    params = answer.call.params
    sorting = [each for each in params if each[0] == _SORT]
    last: datetime | None = None
    for content in answer.pages:
        try:
            for part in reader.pieces(content, slots):
                yield
                if sorting and part.links and _SORT in not_in_self(part.links, params):
                    return False
                if sorting and part.outcome:
                    found = yield from heeded(content, sorting, frozenset(), lambda _schedule, _column: set())
                    if _SORT in found.ignored:
                        return False
                for slot in part.resources:
                    start = _instant(getattr(slot, "start", None))
                    if start is not None and last is not None and start < last:
                        return False
                    last = start or last
        except PageError:
            continue
    return True


def _instant(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def not_in_self(links: bytes | msgspec.Raw, params: Params) -> set[str]:
    """The parameters that the ``self`` link, of these links of a page, lacks. One that has none of them says
    nothing of any."""
    url = _self_link(links)
    if url is None:
        return set()
    sent = Counter(name.partition(":")[0] for name, _ in params)
    if "?" not in url:
        return set(sent) if url.rstrip("/").endswith("/Slot") else set()
    url += "&"
    if all(
        url.count(f"?{name}=") + url.count(f"&{name}=") - url.count(f"&{name}=&") >= number
        for name, number in sent.items()
    ):
        return set()  # as nearly always, and quickly seen
    try:
        used = Counter(name.partition(":")[0] for name, _ in parse_qsl(urlsplit(url).query))
    except ValueError:
        return set()
    return {name for name in sent if used[name] < sent[name]} if sent.keys() & used.keys() else set()


def _self_link(links: bytes | msgspec.Raw) -> str | None:
    if not 0 < len(memoryview(links)) <= _LONGEST_LINK:
        return None
    try:
        found = msgspec.json.decode(links)
    except UNREADABLE:
        return None
    for link in found if isinstance(found, list) else ():
        if isinstance(link, dict) and str(link.get("relation")).casefold() == "self":
            url = link.get("url")
            return url if isinstance(url, str) else None
    return None


def _warned(outcome: Mapping[str, Any], params: Params, asked: Iterable[str]) -> set[str]:
    """The parameters that a warning names: that it is among the answer is because they were not used."""
    found = set()
    issues = outcome.get("issue")
    for issue in issues if isinstance(issues, list) else ():
        severity = str(issue.get("severity")).strip().lower() if isinstance(issue, dict) else ""
        if severity in ("warning", "information"):
            text = msgspec.json.encode(issue).decode()[:_LONGEST_TEXT]
            said = re.search("ignor|not supp|unsupp|unknown", text, re.I)
            if severity == "information" and not said:
                continue
            named = {name for name, _ in params if re.search(_spelt(name), text, re.I)}
            # That some parameter was not used, and not which, may be said of any.
            some = said and re.search("param", text, re.I)
            found |= named or (set(asked) if some else set())
    return found


def _spelt(name: str) -> str:
    """A parameter's name in a text, also as serviceType, service_type or SERVICE-TYPE."""
    return rf"(?<![\w-]){'[-_]?'.join(map(re.escape, name.split('-')))}(?![\w-])"
