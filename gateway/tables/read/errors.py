"""``errors.yaml``: what the asker is told of an upstream's failure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast, get_args

from jsonschema import Draft202012Validator

from gateway.core.errors import (
    DeadlineExceeded,
    GatewayError,
    Issue,
    UpstreamFailed,
    UpstreamUnavailable,
)
from gateway.core.plan import Failure, FailureKind
from gateway.files import marked, shape
from gateway.files.marked import Fault, Mark, MarkedList, MarkedMap, Node
from gateway.tables.read.cells import read_cells
from gateway.tables.read.layers import Source

ERROR_COLUMNS = ("failure", "at", "http", "code", "reason", "status", "type", "issue", "text", "note")
_STATUS: dict[str, type[GatewayError]] = {
    "502": UpstreamFailed,
    "503": UpstreamUnavailable,
    "504": DeadlineExceeded,
}


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One row: what it fits, and what is said. ``at`` of ``token``: only where it was the token endpoint
    that failed. ``mark`` and ``layer`` are its origin."""

    failure: str
    at: str | None
    http: str | None
    code: str | None
    reason: str | None
    status: str
    type: str
    issue: str
    text: str
    mark: Mark
    layer: str
    note: str | None = None

    def fits(self, failure: Failure) -> bool:
        """Whether this row speaks of that failure; what a row leaves out fits anything."""
        return (
            self.failure == failure.kind
            and (self.at is None or failure.token is not None)
            and (self.http is None or self.http == str(failure.status))
            and (self.code is None or self.code == failure.code)
            and (self.reason is None or _is(self.reason, failure.reason))
        )


def load(
    sources: Iterable[Source], validator: Draft202012Validator, faults: list[Fault]
) -> tuple[ErrorRow, ...]:
    """The effective rows, those of higher layers first. Every kind of failure must end in a row that
    fits it whatever its status, and no row may stand behind one that fits all it does."""
    rows: list[ErrorRow] = []
    whole = True
    for source in sources:
        node = read_cells(source, faults)
        bad = shape.wrong(node, validator) if node is not None else []
        faults.extend(each.fault for each in bad)
        whole = whole and node is not None and not bad
        if node is None or any(len(each.path) < len(("errors", "row")) for each in bad):
            continue
        skipped = {each.path[1] for each in bad}
        items = enumerate(cast(MarkedList, node.get("errors")))
        rows[:0] = [
            _row(cast(MarkedMap, item), source.layer) for number, item in items if number not in skipped
        ]
    if rows:
        _reached(rows, faults)
    if rows and whole:
        _complete(rows, faults)
    return tuple(rows)


def _row(item: MarkedMap, layer: str) -> ErrorRow:
    cells = cast(dict[str, str], marked.plain(item))
    return ErrorRow(
        failure=cells["failure"],
        at=cells.get("at"),
        http=cells.get("http"),
        code=cells.get("code"),
        reason=cells.get("reason"),
        status=cells["status"],
        type=cells["type"],
        issue=cells["issue"],
        text=cells["text"],
        mark=cast(Node, item).mark,
        layer=layer,
        note=cells.get("note"),
    )


def _reached(rows: list[ErrorRow], faults: list[Fault]) -> None:
    for position, row in enumerate(rows):
        for earlier in rows[:position]:
            same_layer = earlier.layer == row.layer
            if (
                same_layer
                and earlier.failure == row.failure
                and earlier.at in (None, row.at)
                and earlier.http in (None, row.http)
                and earlier.code in (None, row.code)
                and (earlier.reason is None or _is(earlier.reason, row.reason))
            ):
                faults.append(
                    row.mark.fault(f"this row is never reached: {earlier.mark} fits all that it fits")
                )


def _complete(rows: list[ErrorRow], faults: list[Fault]) -> None:
    for kind in get_args(FailureKind):
        if not any(row.failure == kind and _any(row) for row in rows):
            text = f'no row for "failure: {kind}" without at, http, code and reason; add one'
            faults.append(rows[-1].mark.fault(text))


def _any(row: ErrorRow) -> bool:
    return (row.at, row.http, row.code, row.reason) == (None,) * 4


def _is(told: str, reason: str | None) -> bool:
    """Whether a row's reason fits: the same word, or the group that it begins with ("certificate")."""
    return reason is not None and (reason == told or reason.startswith(f"{told}-"))


def tell(rows: Iterable[ErrorRow], failure: Failure) -> GatewayError:
    """The error that the asker gets for a failure: the first row that fits, and for a failure of the token
    endpoint what that did."""
    error: GatewayError = UpstreamFailed(Issue("exception", "", "The scheduling system failed."))
    for row in rows:
        if row.fits(failure):
            more = f" {failure.token[:1].upper()}{failure.token[1:]}." if failure.token else ""
            issue = Issue(row.issue, "", row.text + more)
            error = _STATUS[row.status](issue, retry_after=failure.retry_after, redox_type=row.type)
            break
    error.upstream = failure.fault
    return error
