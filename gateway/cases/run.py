"""Runs a case by the tables of a configuration, and says what came out otherwise than expected."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Any, Literal
from urllib.parse import unquote

from gateway.assemble import CheckedConfiguration
from gateway.cases.case import ABOUT, ANSWER, REQUEST, SEARCHES, Case
from gateway.core.errors import GatewayError, Issue, NotFound
from gateway.explain import fhir, redox
from gateway.explain.leaves import at, leaves
from gateway.explain.places import places_of
from gateway.explain.rows import Rows
from gateway.explain.told import ByRow, Explained, Sent, named
from gateway.offline.canned import Canned
from gateway.offline.pasted import pasted
from gateway.offline.replayed import Replayed
from gateway.offline.search import interaction_of
from gateway.offline.site import Offline, offline, reader, site_of
from gateway.tables.answer.site import SiteTables
from gateway.tables.check.table import ANSWER as ANSWER_TABLE
from gateway.tables.check.table import QUERY

Json = Any

_ITEM = re.compile(r"(?:AvailableSlots|entry)\[\d+\]")
_NAMES = ("DateTime", "fullUrl")  # what tells one of them from the others
_WHOLE = "a search"  # that is asked, or is asked no longer
_BEFORE = re.compile(r"^(?:AvailableSlots|entry\.resource)\.")


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that came out otherwise. ``of``: of what is asked, or of what is answered; ``path`` within it
    (of the searches: which one, and its parameter); ``expected`` and ``got`` are None where there is none.
    ``row``: the one that wrote what came out; ``through``: those by which an EHR filled what it read."""

    of: Literal["searches", "answer"]
    path: str
    expected: Json
    got: Json
    row: ByRow | None = None
    through: tuple[ByRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Ran:
    """A case that was run: what came out, and how that differs. ``unwritten`` are the files of what is
    expected that are not there: of these all that came out differs."""

    case: Case
    told: Explained
    searches: Json
    answer: Json
    differences: tuple[Difference, ...]
    unwritten: tuple[str, ...]

    @property
    def names(self) -> Iterable[str]:
        """The names of the answer's fields, as differences have them."""
        return _told_apart(self.answer)


def run(found: CheckedConfiguration, case: Case) -> Ran:
    """Raises GatewayError for a case that is of no site of the configuration."""
    told, tables = _explained(found, case)
    searches = [_asked(each) for each in told.sent if each.method]
    answer = {"status": told.status, "body": told.answer}
    differences = [
        *_of_searches(case.searches, searches, told.sent, Rows(tables.tables[QUERY])),
        *_of_answer(case.answer, told, Rows(tables.tables[ANSWER_TABLE])),
    ]
    expected = ((SEARCHES, case.searches), (ANSWER, case.answer))
    unwritten = tuple(name for name, value in expected if value is None)
    return Ran(case, told, searches, answer, tuple(differences), unwritten)


def bless(ran: Ran) -> None:
    """Write what came out as what is expected from now on."""
    for name, value in ((SEARCHES, ran.searches), (ANSWER, ran.answer)):
        text = json.dumps(value, indent=1, ensure_ascii=False)
        (ran.case.folder / name).write_text(f"{text}\n", encoding="utf-8")


def _explained(found: CheckedConfiguration, case: Case) -> tuple[Explained, SiteTables]:
    if case.search is not None:
        return _of_search(found, case, case.search)
    body = case.message or b""
    here: Offline | None = _named(found, case) if case.site else None
    try:
        message = reader().read(body)
    except GatewayError as error:
        here = here or (offline(found, 0, Canned()) if len(found.settings.sites) == 1 else None)
        if here is None:
            raise _no_site(f"cannot be read, so that {ABOUT} must say its site") from None
        return redox.unreadable(_value(body), here, error), here.tables
    here = here or site_of(found, message, Canned())
    asked = redox.Asked(_value(body), message, _replaying(here, case), places_of(found, here.site), case.now)
    return redox.explained(asked), here.tables


def _value(body: bytes) -> Json:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _of_search(found: CheckedConfiguration, case: Case, text: str) -> tuple[Explained, SiteTables]:
    served = [each.id for each in found.settings.sites if each.fhir is not None]
    if not case.site and len(served) != 1:
        raise _no_site(f"is a search, and several sites answer FHIR clients, so that {ABOUT} must say which")
    here = _replaying(_named(found, replace(case, site=case.site or served[0])), case)
    search = pasted(text)
    if here.fhir_server is None or search is None:
        raise _no_site("is no search that a FHIR client of this site can send")
    interaction = interaction_of(search, found.settings, here.site.id)
    asked = fhir.Asked(interaction, here, here.fhir_server, places_of(found, here.site), case.now)
    return fhir.explained(asked), here.tables


def _named(found: CheckedConfiguration, case: Case) -> Offline:
    names = [each.id for each in found.settings.sites]
    if case.site not in names:
        raise _no_site(f'is of the site "{case.site}", which this configuration does not have')
    return offline(found, names.index(case.site), Canned())


def _replaying(here: Offline, case: Case) -> Offline:
    return replace(here, replay=Replayed(case.upstream, here.site.upstream.base_url))


def _no_site(text: str) -> NotFound:
    return NotFound(Issue("not-found", REQUEST, text))


def _asked(sent: Sent) -> Json:
    """A search as ``Slot?...``, in plain characters, below the upstream's address; of a query its body."""
    if sent.body is not None:
        return sent.body
    path, _, query = sent.url.partition("?")
    return unquote(f"{path.rpartition('/')[2]}?{query}" if query else path.rpartition("/")[2])


def _of_searches(expected: Json, got: list[Json], sent: tuple[Sent, ...], rows: Rows) -> Iterator[Difference]:
    """Which searches are asked that were not expected, and the other way round; of a changed one its
    parameters. Their order says nothing."""
    wanted = list(expected) if isinstance(expected, list) else []
    made = dict(zip(map(_text, got), [each for each in sent if each.method], strict=True))
    gone = [each for each in wanted if _text(each) not in made]
    new = [each for each in got if _text(each) not in {_text(other) for other in wanted}]
    for position, each in enumerate(new):
        former = gone[position] if position < len(gone) else None
        yield from _of_search_fields(position, former, each, made[_text(each)], rows)
    for each in gone[len(new) :]:
        yield Difference("searches", _WHOLE, each, None)


def _of_search_fields(number: int, former: Json, now: Json, sent: Sent, rows: Rows) -> Iterator[Difference]:
    if former is None and isinstance(now, str):
        yield Difference("searches", _WHOLE, None, now)
        return
    before, after = {} if former is None else _fields(former), _fields(now)
    writing = {each.path: each.row for each in sent.fields}
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            path = f"search {number + 1}: {name}"
            row = writing.get(name) if name in after else rows.formerly(named(name))
            yield Difference("searches", path, before.get(name), after.get(name), row)


def _fields(search: Json) -> Mapping[str, Json]:
    """The parameters of a search, or the fields of a query."""
    if not isinstance(search, str):
        return dict(leaves(search))
    found: dict[str, str] = {}
    for pair in search.partition("?")[2].split("&"):
        name, _, value = pair.partition("=")
        found[name] = f"{found[name]} and {value}" if name in found else value
    return found


def _of_answer(expected: Json, told: Explained, rows: Rows) -> Iterator[Difference]:
    """The fields of the answer that differ. Slots are held against those that begin when they do, and
    resources against those of the same URL, so that one that is gone does not make all behind it differ."""
    by_path = {each.path: each for each in told.fields}
    before = _told_apart(expected)
    after = _told_apart({"status": told.status, "body": told.answer})
    for name in dict.fromkeys([*before, *after]):
        was, now = before.get(name), after.get(name)
        if (was and was[1]) != (now and now[1]):
            path, value = now if now is not None else ("", None)
            field = by_path.get(path)
            row = field.row if field is not None else None
            if was is not None and now is None:
                row = rows.formerly(_BEFORE.sub("", named(was[0])))
            through = tuple(each.row for each in field.origins if each.row is not None) if field else ()
            yield Difference("answer", name, was[1] if was is not None else None, value, row, through)


def _told_apart(answer: Json) -> dict[str, tuple[str, Json]]:
    """The fields of an answer by names that do not depend on how many slots stand before; each with its path
    in the body."""
    body = answer.get("body") if isinstance(answer, dict) else None
    found: dict[str, tuple[str, Json]] = {}
    if isinstance(answer, dict) and "status" in answer:
        found["status"] = ("", answer["status"])
    labels: dict[str, str] = {}
    for path, value in leaves(body):
        item = path.partition("]")[0] + "]" if _ITEM.match(path) else ""
        if item and item not in labels:
            labels[item] = _label(item, at(body, item), labels.values())
        name = f"{labels[item]}{path[len(item) :]}" if item else path
        found[name] = (path, value)
    return found


def _label(item: str, value: Json, taken: Collection[str]) -> str:
    """How a slot, or an entry, is called: by when it begins, or by its URL; if others are called so, too, by
    which of them it is."""
    own = next((value[name] for name in _NAMES if isinstance(value.get(name), str)), None)
    if own is None:
        return item
    label = f"{item.partition('[')[0]}[{own}]"
    numbered = (f"{label[:-1]} ({number})]" for number in count(2))
    return next(each for each in chain([label], numbered) if each not in taken)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
