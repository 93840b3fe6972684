"""Reads messages so that nobody else has to wait for one: long ones in pieces, their faults in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from gateway.core.envelope import Envelope, opened
from gateway.core.errors import InvalidMessage
from gateway.core.redox import Message, Reader, RefusedMessage
from gateway.core.values import Pieces, at_once

T = TypeVar("T")

_SHORT_BYTES: Final = 16 * 1024
_USUAL_VALUES: Final = 200  # twice those of Redox's sample: read, and answered, in a millisecond
_FEW_VALUES: Final = 500  # explained within some hundredths of a second


class MessageReading:
    """How the messages of one event loop are read.

    Of the long ones, and of those to be explained, one at a time gets on, a piece in each round of the loop:
    many that come together would else be one long round.
    What takes long to explain is explained in a thread, one at a time, too; who comes meanwhile is told what
    the fast check ran into, and that there may be more.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._turn = asyncio.Lock()
        self._explaining = False

    async def read(
        self,
        body: bytes,
        seen: Callable[[Envelope], None],
        whole: Callable[[InvalidMessage], InvalidMessage],
    ) -> Message:
        """The checked message. ``seen`` is told of its envelope before anything can be wrong with the rest;
        ``whole`` completes the error of a message that was explained. Raises InvalidMessage."""
        try:
            if len(body) <= _SHORT_BYTES:
                envelope = at_once(opened(body))
                seen(envelope)
                if envelope.values <= _USUAL_VALUES:
                    return at_once(self._reader.checked(envelope))
                async with self._turn:
                    await asyncio.sleep(0)  # or all who came in this round of the loop were read in it
                    return at_once(self._reader.checked(envelope))
            async with self._turn:
                envelope = await _in_pieces(opened(body))
                seen(envelope)
                return await _in_pieces(self._reader.checked(envelope))
        except RefusedMessage as refused:
            error = refused
        raise await self._explained(error, envelope, whole)

    async def _explained(
        self, refused: RefusedMessage, envelope: Envelope, whole: Callable[[InvalidMessage], InvalidMessage]
    ) -> InvalidMessage:
        def explain() -> InvalidMessage:
            return whole(refused.at_length())

        if envelope.values <= _FEW_VALUES and len(envelope.body) <= 4 * _SHORT_BYTES:
            async with self._turn:
                await asyncio.sleep(0)  # as above
                return explain()
        if self._explaining:
            return refused
        self._explaining = True
        work = asyncio.get_running_loop().run_in_executor(None, explain)
        work.add_done_callback(self._explained_one)  # also where nobody waits for it any more
        return await asyncio.shield(work)

    def _explained_one(self, work: asyncio.Future[InvalidMessage]) -> None:
        self._explaining = False
        if not work.cancelled():
            work.exception()  # whoever waits has it; nobody waiting is no fault


async def _in_pieces(work: Pieces[T]) -> T:
    """What the work comes to; between its pieces the event loop looks after everybody else."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: T = end.value
            return found
        await asyncio.sleep(0)
