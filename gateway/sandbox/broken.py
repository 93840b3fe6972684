"""Answers that go wrong on the wire: late, cut off, reset, not JSON, far too long."""

from __future__ import annotations

import asyncio

from aiohttp import web

from gateway.sandbox.faults import Fault

PAGE = "<!doctype html><html><head><title>Maintenance</title></head><body>We will be back soon.</body></html>"
CHUNK = 64 * 1024


async def before_answer(request: web.Request, fault: Fault) -> web.Response | None:
    """Does what has to be done before an answer is made; a response if that is already all of it."""
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    elif fault.kind == "reset" and request.transport is not None:
        request.transport.abort()
        return web.Response()
    elif fault.kind == "not-json":
        return web.Response(text=PAGE, content_type="text/html")
    return None


async def send(
    request: web.Request, body: bytes, content_type: str, fault: Fault | None
) -> web.StreamResponse:
    """The answer itself: whole, cut off half-way, or padded with white space up to ``fault.size``."""
    if fault is not None and fault.kind == "truncate":
        return await _truncated(request, body, content_type)
    if fault is not None and fault.kind == "huge":
        return await _padded(request, body, content_type, fault.size)
    return web.Response(body=body, content_type=content_type)


async def _truncated(request: web.Request, body: bytes, content_type: str) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_type = content_type
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


async def _padded(request: web.Request, body: bytes, content_type: str, size: int) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_type = content_type
    await response.prepare(request)
    await response.write(body)
    try:
        for _ in range(len(body), size, CHUNK):
            await response.write(b" " * CHUNK)
        await response.write_eof()
    except ConnectionError:
        pass  # a careful client has hung up by now
    return response
