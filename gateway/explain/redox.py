"""One Redox message, explained: what it asks of its site's upstream, and what became of the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway.assemble.prepared import rules_of
from gateway.core import flows
from gateway.core.choosing import UNCHECKED
from gateway.core.errors import GatewayError, Issue, NotKnownHere
from gateway.core.plan import Call, Reply
from gateway.core.redox import Message, error_reply
from gateway.explain.answered import AnswerOrigins, envelope
from gateway.explain.cells import CellOrigins
from gateway.explain.leaves import Json
from gateway.explain.left_out import Asked as Judged
from gateway.explain.left_out import left_out
from gateway.explain.narrowing import narrowing
from gateway.explain.relayed import answer_origins, query_origins
from gateway.explain.rows import Rows
from gateway.explain.searches import SearchOrigins
from gateway.explain.told import Explained, Field, LeftOut, Sent, named
from gateway.explain.wishes import wishes
from gateway.files.marked import Mark
from gateway.offline.site import Offline
from gateway.tables.check.table import ANSWER, DIRECTORY, QUERY
from gateway.upstream.paging import BaseUrl

_OF_EHR = "is not in schedules.csv; the EHR, which was not asked, may know: give --bundle with its Schedules"


@dataclass(frozen=True, slots=True)
class Asked:
    """A message as it was sent (``value``) and as it was read, at a site; ``places``: where the lines of the
    site's ``schedules.csv`` stand, by their schedule; ``now``: the time of the answer, an aware instant."""

    value: Json
    message: Message
    here: Offline
    places: Mapping[str, Mark]
    now: datetime


def explained(asked: Asked) -> Explained:
    """The searches, the answer, and what became of each field. Where it cannot be answered, the status and
    body of the error, and all that could be told until then."""
    here, message = asked.here, asked.message
    plan, error = _planned(asked)
    open_: tuple[Issue, ...] = ()
    if isinstance(error, NotKnownHere) and not here.answerable and here.only_offline(error, message):
        open_, error = tuple(map(_left_open, error.issues)), None
    reply: Reply | None = None
    if error is None and (here.answerable or here.of_redox):
        here.calls.clear()
        here.outcomes.clear()
        try:
            reply = here.answer(message, asked.now)
        except GatewayError as refused:
            error = refused
    answer: Any = None
    if error is not None:
        answer = json.loads(error_reply(error, json.dumps(asked.value).encode()))
    elif reply is not None and here.answerable:
        answer = json.loads(reply.body)
    issues = error.issues if error is not None else (reply.issues if reply is not None else _issues(plan))
    issues = (*issues, *open_)
    read = here.tables.read_query(message.body)
    return Explained(
        here.site.id,
        here.tables.hash,
        wishes(
            asked.value,
            Rows(here.tables.tables[QUERY]),
            message.sent((*issues, *read.issues, *read.others)),
            _unknown(message),
            preferred=rules_of(here.site).preferences != "ignore",
        ),
        tuple(_sent(asked, plan)),
        None if answer is None else (error.status if error is not None else 200),
        answer,
        tuple(_answered(asked, plan, answer, error)),
        tuple(message.sent(issues)),
        len(plan.positions) if plan is not None else None,
        () if here.of_redox else narrowing(here.directory, read.wants),
        tuple(_left_out(asked, plan, answer)) if error is None else (),
    )


def _left_open(issue: Issue) -> Issue:
    """What a live gateway may find in the EHR's directory, which is not there without an answer."""
    text = _OF_EHR if issue.code == "not-found" and issue.path else issue.text
    return replace(issue, code=UNCHECKED, text=text, severity="warning")


def unreadable(value: Json, here: Offline, error: GatewayError) -> Explained:
    """What is to be told of a message that cannot be read: what is wrong with it, field by field."""
    rows = Rows(here.tables.tables[QUERY])
    answer = json.loads(error_reply(error, json.dumps(value).encode()))
    fields = tuple(envelope(answer, value, str(here.tables.tables[ANSWER].below)))
    told = wishes(value, rows, error.issues)
    return Explained(here.site.id, here.tables.hash, told, (), error.status, answer, fields, error.issues)


def _left_out(asked: Asked, plan: flows.Plan | None, answer: Any) -> Iterator[LeftOut]:
    if plan is None or answer is None:
        return
    here = asked.here
    rows = Rows(here.tables.tables[ANSWER])
    slots = answer.get(str(rows.table.below), [])
    yield from left_out(Judged(plan, rules_of(here.site)), here.outcomes, slots, here.tables, rows)


def _planned(asked: Asked) -> tuple[flows.Plan | None, GatewayError | None]:
    """What the message means to an EHR; where schedules are known to it alone, that cannot be told here."""
    if asked.here.of_redox:
        return None, None
    try:
        return asked.here.planned(asked.message, asked.now)[0], None
    except GatewayError as error:
        return None, error


def _issues(plan: flows.Plan | None) -> tuple[Issue, ...]:
    return plan.issues if plan is not None else ()


def _unknown(message: Message) -> Iterator[str]:
    for path, names in message.passed_over.items():
        yield from (named(f"{path}.{name}".lstrip(".")) for name in names)


def _sent(asked: Asked, plan: flows.Plan | None) -> Iterator[Sent]:
    here, rows = asked.here, Rows(asked.here.tables.tables[QUERY])
    base = BaseUrl(here.site.upstream.base_url)
    if plan is None:
        for call in here.calls:
            if call.body is not None:
                body = json.loads(call.body)
                yield Sent("POST", str(base.below("endpoint")), query_origins(body, asked.value, rows), body)
        return
    told = SearchOrigins(plan, asked.value, here.tables, rows, cells_of(here, asked.places, asked.now))
    for call in _calls(here, plan):
        yield Sent("GET", str(base.below(call.target, call.params)), told.of(call))


def _calls(here: Offline, plan: flows.Plan) -> Sequence[Call]:
    """The searches that were made; those that would be, where there is nothing to answer them."""
    made = [call for call in here.calls if call.body is None]
    return made or [each.call for each in flows.searches(plan, here.tables)]


def cells_of(here: Offline, places: Mapping[str, Mark], now: datetime) -> CellOrigins:
    """Where the cells of the site's directory come from."""
    tables = here.tables
    of_ehr = tables.directory_origins(here.read, now) if here.read else []
    return CellOrigins(tables.schedules, places, of_ehr, Rows(tables.tables[DIRECTORY]))


def _answered(
    asked: Asked, plan: flows.Plan | None, answer: Any, error: GatewayError | None
) -> Iterator[Field]:
    here = asked.here
    if answer is None:
        return
    rows = Rows(here.tables.tables[ANSWER])
    list_ = str(rows.table.below)
    yield from envelope(answer, asked.value, list_)
    if error is not None:
        return
    slots = answer.get(list_, [])
    if plan is None:
        yield from answer_origins(slots, here.canned.answer or b"", rows)
        return
    cells = cells_of(here, asked.places, asked.now)
    origins = AnswerOrigins(here.outcomes, plan.directory, plan.lines, here.tables, rows, cells)
    for position, slot in enumerate(slots):
        yield from origins.of(position, slot)
