"""An upstream that answers what is recorded in a folder, without a network: the ``upstream/`` of a case.

A file is either a resource or a Redox answer, given to every search (or query) for its name
(``Slot.json``, ``AvailableSlots.json``), or says more::

    {"to": "Slot", "with": {"schedule": "Schedule/1"}, "status": 503, "body": {}}

``with`` is what the search must name to get it; of several that fit, the one that names most wins.
``"failure": "deadline"`` (or ``connect``) stands for no answer at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, cast

from yarl import URL

from gateway.core.plan import Answer, Call, Failure, Outcome
from gateway.files.regular import read_file
from gateway.upstream.fhir_client import issue_code
from gateway.upstream.paging import BaseUrl, missing_from, next_link, onward
from gateway.upstream.trouble import Trouble, refused

_KEYS: Final = frozenset({"to", "with", "status", "failure", "body"})
_FAILURES: Final = ("deadline", "connect")
_MOST_BYTES: Final = 64 * 1024 * 1024
_OK: Final = range(200, 300)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One answer, and the searches it is for. ``body`` are its bytes."""

    to: str
    asked: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    failure: Literal["deadline", "connect"] | None = None
    body: bytes = b""

    def fits(self, target: str, params: Mapping[str, str]) -> bool:
        """Whether it is an answer to this search, of whose repeated parameters the first counts."""
        return target == self.to and all(params.get(name) == value for name, value in self.asked.items())


def read(folder: Path) -> list[Recorded]:
    """The answers of a folder. ValueError, with the name of the file, for one that is
    not of this form; OSError for one that cannot be read."""
    return [_recorded(path) for path in sorted(folder.glob("*.json"))]


def _recorded(path: Path) -> Recorded:
    content = read_file(path, _MOST_BYTES)
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError(f"{path.name} is not JSON") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path.name} must be an object")
    if "to" not in value:
        return Recorded(path.stem, body=content)
    return _described(path.name, value)


def _described(name: str, value: dict[str, Any]) -> Recorded:
    unknown = sorted(value.keys() - _KEYS)
    if unknown:
        raise ValueError(f'{name} has the key "{unknown[0]}"; there are: {", ".join(sorted(_KEYS))}')
    asked, status, failure = value.get("with", {}), value.get("status", 200), value.get("failure")
    if not isinstance(asked, dict) or not all(isinstance(each, str) for each in asked.values()):
        raise ValueError(f'{name}: "with" must name parameters and their values, as texts')
    if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status <= 599:
        raise ValueError(f'{name}: "status" must be an HTTP status')
    if failure is not None and failure not in _FAILURES:
        raise ValueError(f'{name}: "failure" must be one of {", ".join(_FAILURES)}')
    body = value.get("body", {})
    text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return Recorded(str(value["to"]), asked, status, cast(Any, failure), text)


class Replayed:
    """Answers calls out of what is recorded; one that nothing fits gets the 404 that such a server gives."""

    def __init__(self, recorded: Sequence[Recorded], base_url: str) -> None:
        self._recorded = recorded
        self._base = BaseUrl(base_url)

    def __call__(self, call: Call) -> Outcome:
        """The pages of a search, following ``next`` links; or the answer of Redox."""
        if call.body is not None:
            try:
                return Answer(call, (self._found(call.target, {}),))
            except Trouble as trouble:
                return trouble.failure(call)
        return self._pages(call)

    def _pages(self, call: Call) -> Outcome:
        url = self._base.below(call.target, call.params)
        if url is None:
            return Failure(call, "protocol")
        pages: list[bytes] = []
        seen: set[URL] = set()
        missing = None
        while url is not None:
            seen.add(url)
            try:
                page = self._found(call.target, {name: url.query[name] for name in url.query})
                link = next_link(page)
            except Trouble as trouble:
                if not pages:
                    return trouble.failure(call)
                missing = missing_from("incomplete", f"page {len(pages) + 1} could not be read ({trouble})")
                break
            pages.append(page)
            url, missing, _ = onward(self._base, call, url, link, seen)
        return Answer(call, tuple(pages), missing is None, () if missing is None else (missing,))

    def _found(self, target: str, params: Mapping[str, str]) -> bytes:
        """The recorded body. Trouble for a failure."""
        fitting = [each for each in self._recorded if each.fits(target, params)]
        if not fitting:
            raise refused(404, None, None)
        found = max(fitting, key=lambda each: len(each.asked))
        if found.failure is not None:
            raise Trouble(found.failure)
        if found.status not in _OK:
            raise refused(found.status, issue_code(found.body), None, found.body)
        return found.body
