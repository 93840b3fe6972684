"""Whether traffic should come to this process, and if not, why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

_DRAINING: Final = "the process is shutting down"


class Readiness:
    """Ready when nothing blocks it. ``reasons`` are texts for whoever reads ``/readyz``: no values."""

    def __init__(self, **blocked: str) -> None:
        """``blocked`` names what has to happen first, each with the text that says so."""
        self._blocked = dict(blocked)
        self._watched: list[Callable[[], Iterable[str]]] = []
        self.draining = False

    def block(self, name: str, text: str) -> None:
        self._blocked[name] = text

    def clear(self, name: str) -> None:
        """What ``name`` stood for has happened. One that does not block is passed over."""
        self._blocked.pop(name, None)

    def watch(self, reasons: Callable[[], Iterable[str]]) -> None:
        """Ask ``reasons`` each time: for what can become true or false without anybody telling us."""
        self._watched.append(reasons)

    def drain(self) -> None:
        """Never ready again: a shutdown has begun."""
        self.draining = True

    @property
    def reasons(self) -> tuple[str, ...]:
        watched = (text for reasons in self._watched for text in reasons())
        return (*((_DRAINING,) if self.draining else ()), *self._blocked.values(), *watched)
