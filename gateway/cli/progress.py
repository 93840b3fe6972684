"""A sign of life on stderr while one waits."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import click


@asynccontextmanager
async def waiting(text: str) -> AsyncIterator[None]:
    """On a terminal a line that counts the seconds and goes away at the end; elsewhere one line."""
    if not sys.stderr.isatty():
        click.echo(f"{text} ...", err=True)
        yield
        return
    task = asyncio.create_task(_count(text))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        click.echo("\r\x1b[K", nl=False, err=True)


async def _count(text: str) -> None:
    began = time.monotonic()
    while True:
        click.echo(f"\r{text} ... {time.monotonic() - began:.0f} s", nl=False, err=True)
        await asyncio.sleep(0.2)
