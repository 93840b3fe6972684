"""What the results of :class:`~gateway.core.plan.Remember` stages are kept in, and what stands in for one;
and what is kept of a search for its further pages."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from gateway.core.plan import Remember

MISSING: Final = object()
"""What a :class:`Store` gives for a key that it does not hold (any value may be held, None too)."""

_LAST: Final = "last"
_STANDS_IN_FOR: Final = 6


class Store(Protocol):
    """Where the results of :class:`Remember` stages are kept."""

    def get(self, key: Hashable) -> Any: ...

    def put(self, key: Hashable, value: Any, seconds: float) -> None: ...


class MemoryStore:
    """At most ``size`` values in this process; the one that was least recently read goes first."""

    def __init__(self, size: int = 4096, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()

    def get(self, key: Hashable) -> Any:
        kept = self._kept.get(key)
        if kept is None:
            return MISSING
        if kept[0] <= self._clock():
            del self._kept[key]
            return MISSING
        self._kept.move_to_end(key)
        return kept[1]

    def put(self, key: Hashable, value: Any, seconds: float) -> None:
        self._kept[key] = (self._clock() + seconds, value)
        self._kept.move_to_end(key)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)


@dataclass(slots=True)
class StandIn:
    """What is used while the real thing cannot be had. Times are of the clock of whoever asks.

    From ``again_at`` on it is to be asked for anew; at ``until`` this is too old to be used.
    """

    value: Any
    again_at: float
    until: float


class StandIns:
    """The stand-ins of a process: at most ``size``, the oldest goes first."""

    def __init__(self, store: Store, size: int = 2048) -> None:
        self._store = store
        self._size = size
        self._found: dict[Hashable, StandIn] = {}

    def get(self, key: Hashable, now: float) -> StandIn | None:
        """The one for a key, if there is one that may be used."""
        found = self._found.get(key)
        if found is not None and now >= found.until:
            del self._found[key]
            return None
        return found

    def whole(self, key: Hashable, stage: Remember, value: Any) -> None:
        """The real thing has come: it is kept, and nothing needs to stand in for it."""
        self._store.put(key, value, stage.seconds)
        if stage.stale_seconds:
            self._store.put((key, _LAST), value, stage.seconds + stage.stale_seconds)
        self._found.pop(key, None)

    def last(self, key: Hashable, stage: Remember) -> Any:
        """The last whole one, marked as such; MISSING where there is none that may still be used."""
        last = self._store.get((key, _LAST)) if stage.stale_seconds else MISSING
        return MISSING if last is MISSING else stage.stale(last)

    def put(self, key: Hashable, stage: Remember, value: Any, now: float) -> None:
        """What is to stand in from now on, where the stage lets something do so."""
        if stage.again_seconds:
            while len(self._found) >= self._size:
                del self._found[next(iter(self._found))]
            again = stage.again_seconds
            self._found[key] = StandIn(value, now + again, now + _STANDS_IN_FOR * again)


class Walks:
    """What searches have found, for their next pages, so that these do not each ask anew.

    Kept for ``seconds`` by the clock that is handed in, and at most ``most_bytes`` of all together: the
    oldest goes first. The key says whose a walk is; who asks by another one never sees it.
    """

    def __init__(
        self, clock: Callable[[], datetime], *, seconds: float = 60.0, most_bytes: int = 32 * 1024 * 1024
    ) -> None:
        self._clock = clock
        self._long = timedelta(seconds=seconds)
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[Hashable, tuple[datetime, int, Any]] = OrderedDict()

    def get(self, key: Hashable) -> Any:
        """What was put under that key, or None."""
        self._forget()
        kept = self._kept.get(key)
        return None if kept is None else kept[2]

    def put(self, key: Hashable, value: Any, size: int) -> None:
        """Keeps a value of about that many bytes, in place of what is there."""
        self._drop(key)
        if size > self._most_bytes:
            return
        self._kept[key] = (self._clock(), size, value)
        self._bytes += size
        self._forget()

    def _forget(self) -> None:
        """Ends what is too old, or of another time than the clock's, and what there is no room for."""
        now = self._clock()
        while self._kept:
            key, (since, _, _) = next(iter(self._kept.items()))
            if self._bytes <= self._most_bytes and timedelta() <= now - since < self._long:
                return
            self._drop(key)

    def _drop(self, key: Hashable) -> None:
        if (kept := self._kept.pop(key, None)) is not None:
            self._bytes -= kept[1]
