"""Which URLs belong to a FHIR upstream, and where the next page of a searchset is.

What the upstream writes into ``Bundle.link`` is not trusted: our token goes only to the origin and
path that the configuration names.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import unquote

import msgspec
from yarl import URL

from gateway.core.errors import Issue
from gateway.core.plan import Call
from gateway.upstream.trouble import Trouble

_KNOWN = 64  # resource types that are searched are few
_MOST_LINK_BYTES = 64 * 1024  # of Bundle.link as a whole: four links or so

_MOST_NAMED = 200
_COMPARED_BYTES = 4096  # of a page's entries, at both ends

# RFC 3986 has no others; a backslash is a slash to some and not to others.
_PLAIN = re.compile(r"[!-\[\]-~]+")


class _Link(msgspec.Struct, gc=False):
    relation: str | None = None
    url: str | None = None


class _Page(msgspec.Struct, gc=False):
    link: msgspec.Raw = msgspec.Raw(b"null")


class _Entries(msgspec.Struct, gc=False):
    entry: msgspec.Raw = msgspec.Raw(b"null")


_ENTRIES = msgspec.json.Decoder(_Entries)
_PAGE = msgspec.json.Decoder(_Page)
_LINKS = msgspec.json.Decoder(list[_Link] | None)


def next_link(page: bytes) -> str | None:
    """The URL of ``Bundle.link`` with relation ``next``, as it is written; None on the last page.

    Raises Trouble ``protocol`` if the page is not a JSON object, or its links are not of that form or longer
    than those of any server.
    """
    try:
        raw = _PAGE.decode(page).link
        if len(memoryview(raw)) > _MOST_LINK_BYTES:
            raise Trouble("protocol", status=200, down=False)
        links = _LINKS.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise Trouble("protocol", status=200, down=False) from None
    # RFC 8288, section 2.1.1: relation types are compared without letter case.
    following = (link.url for link in links or () if (link.relation or "").casefold() == "next")
    return next(filter(None, following), None)


def entries_of(page: bytes) -> tuple[int, bytes, bytes] | None:
    """What pages of the same entries share: how long these are, and their beginning and end. None for a page
    without entries, or one that cannot be read."""
    try:
        entries = memoryview(_ENTRIES.decode(page).entry)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    if len(entries) <= len(b"null"):
        return None
    return len(entries), bytes(entries[:_COMPARED_BYTES]), bytes(entries[-_COMPARED_BYTES:])


def origin_named(page: URL, link: str) -> str:
    """Scheme, host and port of where a link that was read already leads; cut short, as no name of a server
    is longer."""
    return str(page.join(URL(link, encoded=True)).origin())[:_MOST_NAMED]


class BaseUrl:
    """The base URL of an upstream, and what lies below it.

    Raises ValueError for a URL that is not http or https, or that has a user, query or fragment.
    """

    def __init__(self, text: str) -> None:
        url = URL(text.rstrip("/"))
        if url.scheme not in ("http", "https") or not url.raw_host:
            raise ValueError("the base URL must be absolute, with http or https")
        if url.raw_user is not None or url.raw_password is not None:
            raise ValueError("the base URL must not hold a user name or password")
        if url.raw_query_string or url.raw_fragment:
            raise ValueError("the base URL must end with its path: no query, no fragment")
        self._url = url
        self._path = url.raw_path.rstrip("/")
        self._known: dict[str, URL] = {}

    def below(self, path: str, params: tuple[tuple[str, str], ...] = ()) -> URL | None:
        """``{base}/{path}?{params}``: percent-encoded, in order, repeated names kept.

        None if ``path`` would lead out of the base path.
        """
        url = self._known.get(path)
        if url is None:
            try:
                url = self._url / path
            except ValueError:
                return None
            if not self._covers(url):
                return None
            if len(self._known) < _KNOWN:
                self._known[path] = url
        return url.with_query(list(params))

    def follow(self, page: URL, link: str) -> URL | None:
        """Where ``link``, found in the answer from ``page``, leads; None if we do not go there.

        Resolved by RFC 3986, section 5, and otherwise left as the upstream wrote it. Scheme, host
        and port must be those of the base, and the path its path or below. A link such as
        ``/Slot?_offset=10`` that misses the base path is meant from the base (so Canvas writes it).
        """
        if not _PLAIN.fullmatch(link):
            return None
        try:
            url = page.join(URL(link, encoded=True))
            if not self._covers(url) and link.startswith("/") and not link.startswith("//"):
                url = URL(f"{self._url}{link}", encoded=True)
        except ValueError:
            return None
        return url if self._covers(url) else None

    def rebase(self, page: URL, link: str) -> URL | None:
        """Where ``link``, which names the server otherwise than the base does, leads below the base: to what
        ``page`` searched, or to the base itself, with the link's query. None for what is no such link."""
        if not _PLAIN.fullmatch(link):
            return None
        try:
            url = page.join(URL(link, encoded=True))
        except ValueError:
            return None
        if url.scheme not in ("http", "https") or not url.raw_query_string:
            return None
        same = url.raw_path.rstrip("/").rpartition("/")[2] == page.raw_path.rstrip("/").rpartition("/")[2]
        path = page.raw_path if same else self._path or "/"
        return URL(f"{self._url.origin()}{path}?{url.raw_query_string}", encoded=True)

    def _covers(self, url: URL) -> bool:
        if url.raw_user is not None or url.raw_password is not None:
            return False
        if (url.scheme, (url.raw_host or "").lower(), url.port) != (
            self._url.scheme,
            (self._url.raw_host or "").lower(),
            self._url.port,
        ):
            return False
        # Servers resolve dots after decoding, so they are looked for there.
        if not {".", ".."}.isdisjoint(unquote(url.raw_path).split("/")):
            return False
        # The base itself is covered: HAPI's next pages are ``{base}?_getpages=...``.
        return url.raw_path == self._path or url.raw_path.startswith(f"{self._path}/")


def onward(
    base: BaseUrl, call: Call, page: URL, link: str | None, seen: Collection[URL], *, rebases: bool = False
) -> tuple[URL | None, Issue | None, str]:
    """Where the page behind ``page`` is, of the pages ``seen`` so far; or why there is none although the
    upstream names one. And by what the link names the server, if that is not what the base does: such a link
    is followed where ``rebases`` says so."""
    if link is None:
        return None, None, ""
    if len(seen) >= call.max_pages:
        return (
            None,
            missing_from("too-costly", f"there are more pages than the limit of {call.max_pages}"),
            "",
        )
    named = ""
    url = base.follow(page, link)
    if url is None and rebases and (url := base.rebase(page, link)) is not None:
        named = origin_named(page, link)
    if url is None:
        text = "the link to the next page points outside the base URL, so it was not followed"
        return None, missing_from("security", text), ""
    if url in seen:
        return (
            None,
            missing_from("incomplete", "the link to the next page leads to a page that was read already"),
            "",
        )
    return url, None, named


def missing_from(code: str, reason: str) -> Issue:
    """What is said where a page is missing, and all behind it."""
    return Issue(code, "Bundle.link", f"{reason}; what stands on the pages from there is missing", "warning")
