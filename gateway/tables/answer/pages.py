"""Pages of searchset Bundles, decoded by type: what is well formed quickly, what is not one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import msgspec


class PageError(ValueError):
    """The page is not a Bundle at all."""


@dataclass(frozen=True, slots=True)
class Page:
    """``resources`` that could be read; ``broken`` ones as JSON values, with their position. ``failed``
    when an OperationOutcome among them says that the search did not work. ``urls`` are the resources' own
    (``fullUrl``), empty where an entry has none, if they were asked for."""

    resources: list[Any]
    broken: tuple[tuple[int, Any], ...] = ()
    failed: bool = False
    urls: tuple[str, ...] = ()


# A union of Raw and None would accept nothing but null.
class _LooseEntry(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw(b"null")
    fullUrl: msgspec.Raw = msgspec.Raw(b"null")


class _LooseBundle(msgspec.Struct, tag="Bundle", tag_field="resourceType"):
    entry: list[msgspec.Raw] | None = None


class _Issue(msgspec.Struct):
    severity: str | None = None


class Other(msgspec.Struct, tag="OperationOutcome", tag_field="resourceType", gc=False):
    """An OperationOutcome: beside the matches of a searchset it informs, in place of them it is an error."""

    issue: list[_Issue] | None = None

    @property
    def failed(self) -> bool:
        """Whether it tells of an error."""
        return any(each.severity in ("error", "fatal") for each in self.issue or ())


class PageReader:
    """Reads Bundles whose entries are of the given types; entries of other types are passed over. ``urls``:
    with the resources' own URLs, which not everybody needs."""

    def __init__(self, resources: Mapping[str, type[msgspec.Struct]], *, urls: bool = False) -> None:
        union = reduce(or_, [*resources.values(), Other])
        own: list[Any] = [("fullUrl", str | None, None)] if urls else []
        entry = msgspec.defstruct("Entry", [("resource", union), *own], gc=False, module=__name__)
        bundle = msgspec.defstruct(
            "Bundle",
            [("entry", list[entry], msgspec.field(default_factory=list))],  # type: ignore[valid-type]
            tag="Bundle",
            tag_field="resourceType",
            gc=False,
            module=__name__,
        )
        self._kinds = frozenset(resources)
        self._urls = urls
        # As a union, so that ``resourceType`` must be there: anything else is no Bundle.
        self._page = msgspec.json.Decoder(bundle | Other).decode
        self._resource = msgspec.json.Decoder(union).decode
        self._loose = msgspec.json.Decoder(_LooseBundle | Other).decode
        self._entry = msgspec.json.Decoder(_LooseEntry).decode

    def read(self, page: bytes, only: type | None = None) -> Page:
        """The resources of one page (of the type ``only``); :class:`PageError` where it is no Bundle."""
        try:
            bundle: Any = self._page(page)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._one_by_one(page, only)
        if type(bundle) is Other:
            raise PageError("not a Bundle")
        if only is None:
            found = [entry.resource for entry in bundle.entry]
            urls = tuple(entry.fullUrl or "" for entry in bundle.entry) if self._urls else ()
            return Page(found, failed=_failed(found), urls=urls)
        found = [each for entry in bundle.entry if type(each := entry.resource) is only]
        rest = () if len(found) == len(bundle.entry) else [entry.resource for entry in bundle.entry]
        return Page(found, failed=_failed(rest))

    def _one_by_one(self, page: bytes, only: type | None) -> Page:
        try:
            bundle = self._loose(page)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise PageError("not a Bundle") from None
        if isinstance(bundle, Other):
            raise PageError("not a Bundle")
        resources = []
        urls = []
        failed = False
        broken: list[tuple[int, Any]] = []
        for position, entry in enumerate(bundle.entry or ()):
            raw = msgspec.Raw(b"null")
            try:
                read = self._entry(entry)
                raw = read.resource
                resource = self._resource(raw)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                value = _value(raw)
                kind = value.get("resourceType") if isinstance(value, dict) else None
                if not isinstance(kind, str) or kind in self._kinds:
                    broken.append((position, value))
            else:
                failed = failed or _failed([resource])
                if only is None or type(resource) is only:
                    resources.append(resource)
                    url = _value(read.fullUrl) if self._urls else None
                    urls.append(url if isinstance(url, str) else "")
        return Page(resources, tuple(broken), failed, tuple(urls) if self._urls else ())


def _failed(resources: Iterable[Any]) -> bool:
    return any(type(each) is Other and each.failed for each in resources)


def _value(raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
