"""Pages of searchset Bundles, decoded by type: what is well formed quickly, what is not one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from operator import or_
from typing import Any, Final

import msgspec

from gateway.core.envelope import UNREADABLE
from gateway.core.values import AT_ONCE_BYTES, MOST_ANSWERED, at_once, giving, parts, values

_TYPED_BYTES: Final = 4 * AT_ONCE_BYTES
_OBJECTS_AT_ONCE: Final = 100_000  # made by the decoder in some ten milliseconds
_RESOURCES_AT_ONCE: Final = 5_000
_LONG_BYTES: Final = 256 * 1024
_MOST_OF_LONG: Final = 10_000  # values in one long entry: no resource that is read has a tenth of them
_SHOWN_BYTES: Final = 64 * 1024  # of a malformed resource that is explained


class PageError(ValueError):
    """The page is not a Bundle at all, or one of more values than any server sends."""


@dataclass(slots=True)
class Page:
    """``resources`` that could be read; ``broken`` ones as JSON values, with their position. ``failed``
    when an OperationOutcome among them says that the search did not work. ``urls`` are the resources' own
    (``fullUrl``), empty where an entry has none, if they were asked for. ``foreign`` is how many were of
    types that nobody asked for, ``total`` how many matches there are in all, where the Bundle says so, and
    ``links`` its links, as JSON. ``outcome``: there is an OperationOutcome among them, of whatever it tells.
    """

    resources: list[Any]
    broken: tuple[tuple[int, Any], ...] = ()
    failed: bool = False
    urls: tuple[str, ...] = ()
    foreign: int = 0
    total: int | None = None
    links: bytes | msgspec.Raw = b""
    outcome: bool = False


_NOTHING: Final = Page([])
_NONE: Final = msgspec.Raw()


# A union of Raw and None would accept nothing but null.
class _LooseEntry(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw(b"null")
    fullUrl: msgspec.Raw = msgspec.Raw(b"null")


class _LooseBundle(msgspec.Struct, tag="Bundle", tag_field="resourceType"):
    entry: list[msgspec.Raw] | None = None
    total: Any = None
    link: msgspec.Raw = _NONE


class _Issue(msgspec.Struct):
    severity: str | None = None


class Other(msgspec.Struct, tag="OperationOutcome", tag_field="resourceType", gc=False):
    """An OperationOutcome: beside the matches of a searchset it informs, in place of them it is an error."""

    issue: list[_Issue] | None = None

    @property
    def failed(self) -> bool:
        """Whether it tells of an error."""
        return any((each.severity or "").strip().lower() in ("error", "fatal") for each in self.issue or ())


class _Kind(msgspec.Struct):
    resourceType: str | None = None


_kind = msgspec.json.Decoder(_Kind).decode


class PageReader:
    """Reads Bundles whose entries are of the given types; entries of other types are passed over. ``urls``:
    with the resources' own URLs, which not everybody needs."""

    def __init__(self, resources: Mapping[str, type[msgspec.Struct]], *, urls: bool = False) -> None:
        union = reduce(or_, [*resources.values(), Other])
        own: list[Any] = [("fullUrl", str | None, None)] if urls else []
        entry = msgspec.defstruct("Entry", [("resource", union), *own], gc=False, module=__name__)
        bundle = msgspec.defstruct(
            "Bundle",
            [
                ("entry", list[entry], msgspec.field(default_factory=list)),  # type: ignore[valid-type]
                ("total", int | None, None),
                ("link", msgspec.Raw, _NONE),
            ],
            tag="Bundle",
            tag_field="resourceType",
            gc=False,
            module=__name__,
        )
        self._kinds = frozenset(resources)
        self._urls = urls
        # As a union, so that ``resourceType`` must be there: anything else is no Bundle.
        self._page = msgspec.json.Decoder(bundle | Other).decode
        self._some = msgspec.json.Decoder(list[entry]).decode  # type: ignore[valid-type]
        self._resource = msgspec.json.Decoder(union).decode
        self._loose = msgspec.json.Decoder(_LooseBundle | Other).decode
        self._entry = msgspec.json.Decoder(_LooseEntry).decode

    def pieces(self, page: bytes, only: type | None = None) -> Iterable[Page]:
        """The resources of a page (of the type ``only``); of a long one part by part, so that others may
        work in between. Parts may be empty. :class:`PageError` where it is no Bundle."""
        if _small(page):
            try:
                bundle: Any = self._page(page)
            except UNREADABLE:
                pass
            else:
                if type(bundle) is Other:
                    raise PageError("not a Bundle")
                return self._slices(bundle, only)
        return self._parts(page, only)

    def _slices(self, bundle: Any, only: type | None) -> Iterable[Page]:
        entries = bundle.entry
        first = self._chosen(entries[:_RESOURCES_AT_ONCE], only)
        first.total, first.links = bundle.total, bundle.link
        if len(entries) <= _RESOURCES_AT_ONCE:
            return (first,)
        begins = range(_RESOURCES_AT_ONCE, len(entries), _RESOURCES_AT_ONCE)
        rest = (self._chosen(entries[begin : begin + _RESOURCES_AT_ONCE], only) for begin in begins)
        return chain((first,), rest)

    def _parts(self, page: bytes, only: type | None) -> Iterator[Page]:
        if (yield from giving(_NOTHING, values(page, MOST_ANSWERED))) > MOST_ANSWERED:
            raise PageError("too many values")
        try:
            loose = self._loose(page)
        except UNREADABLE:
            raise PageError("not a Bundle") from None
        if isinstance(loose, Other):
            raise PageError("not a Bundle")
        yield Page([], total=loose.total if type(loose.total) is int else None, links=loose.link)
        first = 0
        for part in parts(loose.entry or ()):
            yield self._part(part, first, only)
            first += len(part)

    def _part(self, entries: Sequence[msgspec.Raw], first: int, only: type | None) -> Page:
        """Some of the entries, the ``first`` of them at this position."""
        if len(entries) > 1 or _short(entries[0]):
            try:
                return self._chosen(self._some(b"[%b]" % b",".join(entries)), only)
            except UNREADABLE:
                pass
        return self._one_by_one(entries, first, only)

    def _chosen(self, entries: Sequence[Any], only: type | None) -> Page:
        if only is not None:
            found = [each for entry in entries if type(each := entry.resource) is only]
            if len(found) == len(entries):
                return Page(found)
            every = [entry.resource for entry in entries]
            foreign = sum(type(each) not in (only, Other) for each in every)
            return Page(found, failed=_failed(every), foreign=foreign, outcome=_informed(every))
        every = [entry.resource for entry in entries]
        urls = tuple(entry.fullUrl or "" for entry in entries) if self._urls else ()
        return Page(every, failed=_failed(every), urls=urls, outcome=_informed(every))

    def _one_by_one(self, entries: Sequence[msgspec.Raw], first: int, only: type | None) -> Page:
        resources = []
        urls = []
        failed = outcome = False
        foreign = 0
        broken: list[tuple[int, Any]] = []
        for position, entry in enumerate(entries, first):
            raw = msgspec.Raw(b"null")
            try:
                read = self._entry(entry)
                raw = read.resource
                if not _short(raw):
                    raise msgspec.ValidationError
                resource = self._resource(raw)
            except UNREADABLE:
                value = _value(raw)
                kind = value.get("resourceType") if isinstance(value, dict) else None
                if not isinstance(kind, str) or kind in self._kinds:
                    broken.append((position, value))
                else:
                    foreign += 1
            else:
                failed = failed or _failed([resource])
                outcome = outcome or _informed([resource])
                if only is None or type(resource) is only:
                    resources.append(resource)
                    url = _value(read.fullUrl) if self._urls else None
                    urls.append(url if isinstance(url, str) else "")
        told = tuple(urls) if self._urls else ()
        return Page(resources, tuple(broken), failed, told, foreign, outcome=outcome)


def _small(page: bytes) -> bool:
    """Whether a page is decoded in one go: one of some megabytes where it holds no more objects than that of
    a server would."""
    size = len(page)
    return size <= AT_ONCE_BYTES or (size <= _TYPED_BYTES and page.count(b"{") <= _OBJECTS_AT_ONCE)


def _short(raw: msgspec.Raw) -> bool:
    """Whether what stands there is no more than a part of a page may be."""
    return len(memoryview(raw)) <= _LONG_BYTES or at_once(values(bytes(raw), _MOST_OF_LONG)) <= _MOST_OF_LONG


def _failed(resources: Iterable[Any]) -> bool:
    return any(type(each) is Other and each.failed for each in resources)


def _informed(resources: Iterable[Any]) -> bool:
    return any(type(each) is Other for each in resources)


def _value(raw: msgspec.Raw) -> Any:
    """What stands there as a JSON value; of what is long only which type of resource it is."""
    try:
        if len(memoryview(raw)) > _SHOWN_BYTES:
            return {"resourceType": _kind(raw).resourceType}
        return msgspec.json.decode(raw)
    except UNREADABLE:
        return None
