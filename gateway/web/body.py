"""Reads a request's body: only of a media type we know, only up to a limit, only so long."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Final

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.web import RequestPayloadError

from gateway.core.errors import InvalidMessage, Issue, TooLarge, UnsupportedMediaType
from gateway.web.exchange import RequestTimeout

_USUAL: Final = frozenset(
    {"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"}
)
_JSON: Final = re.compile(r"application/(?:[a-z0-9!#$&^_.-]+\+)?json")
_UTF8: Final = re.compile(r"charset=\"?utf-?8\"?")


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """``max_bytes`` of one body, and the ``seconds`` within which all of it must have come."""

    max_bytes: int = 10 * 1024 * 1024
    seconds: float = 15.0


def require_json(request: web.Request) -> None:
    """Raise UnsupportedMediaType unless the body says it is plain JSON in UTF-8 (or says nothing).

    ``application/json`` and ``application/*+json``. A missing Content-Type is read as JSON: senders
    that leave it out exist, and what is not JSON is refused by its first byte anyway. A Content-Encoding
    is refused: no limit on the bytes that come in would hold for the bytes that come out.
    """
    kind = request.headers.get(hdrs.CONTENT_TYPE)
    if kind is not None and kind not in _USUAL:
        media_type, *parameters = (part.strip().lower() for part in kind.split(";"))
        charsets = [each for each in parameters if each.startswith("charset=")]
        if not _JSON.fullmatch(media_type) or any(not _UTF8.fullmatch(each) for each in charsets):
            raise UnsupportedMediaType(
                Issue("structure", "", "The body must be JSON in UTF-8; send Content-Type: application/json.")
            )
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise UnsupportedMediaType(
            Issue("structure", "", "The body must not be compressed; leave Content-Encoding out.")
        )


async def read_body(request: web.Request, limits: BodyLimits) -> bytes:
    """The whole body, as bytes. Raises TooLarge, RequestTimeout, or InvalidMessage if it breaks off."""
    refuse_too_long(request, limits.max_bytes)
    await _send_continue(request)
    try:
        if request.content.is_eof():  # all of it came with the head: nothing to wait for, so no timer
            return await _read(request, limits.max_bytes)
        return await _read_in_time(request, limits)
    except RequestPayloadError:
        raise InvalidMessage(Issue("structure", "", "The body's transfer encoding is not valid.")) from None


async def _read_in_time(request: web.Request, limits: BodyLimits) -> bytes:
    try:
        async with asyncio.timeout(limits.seconds):
            return await _read(request, limits.max_bytes)
    except TimeoutError:
        text = f"The body did not arrive within {limits.seconds:g} seconds."
        raise RequestTimeout(Issue("timeout", "", text)) from None


async def _read(request: web.Request, max_bytes: int) -> bytes:
    whole, held = [], 0
    while chunk := await request.content.readany():
        held += len(chunk)
        if held > max_bytes:
            raise _too_large(max_bytes)
        whole.append(chunk)
    return whole[0] if len(whole) == 1 else b"".join(whole)


def refuse_too_long(request: web.Request, max_bytes: int) -> None:
    """Raise TooLarge if the Content-Length already says so: before anything of the body is read."""
    if (request.content_length or 0) > max_bytes:
        raise _too_large(max_bytes)


async def expect_nothing_yet(request: web.Request) -> None:
    """Take the place of aiohttp's answer to ``Expect``: the go-ahead is given when we begin to read."""


async def _send_continue(request: web.Request) -> None:
    """RFC 9110 section 10.1.1: a caller that waits for a go-ahead gets it only after it was let in.

    HTTP/1.0 knows no interim answers, so there the expectation is passed over.
    """
    if request.version >= HttpVersion11 and request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # nothing of the answer itself is out yet


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(Issue("too-long", "", f"The body is longer than the limit of {max_bytes} bytes."))
